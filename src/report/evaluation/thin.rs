//! Lines cut at the edges of a panel, and without the points that nobody would miss.

type Point = (f64, f64);

/// The parts of a line within (0, 0) and `size`. A point that is not finite interrupts it.
pub(super) fn runs(line: impl Iterator<Item = Point>, size: Point) -> Vec<Vec<Point>> {
    let mut runs: Vec<Vec<Point>> = Vec::new();
    let mut before: Option<Point> = None;
    for point in line {
        if !(point.0.is_finite() && point.1.is_finite()) {
            before = None;
            continue;
        }
        if let Some((from, to)) = before.and_then(|b| inside(b, point, size)) {
            match runs.last_mut() {
                Some(run) if run.last() == Some(&from) && before == Some(from) => run.push(to),
                _ => runs.push(vec![from, to]),
            }
        }
        before = Some(point);
    }
    runs
}

/// The part of a straight piece within the panel (Liang and Barsky 1984).
fn inside(from: Point, to: Point, size: Point) -> Option<(Point, Point)> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    let sides = [
        (-dx, from.0),
        (dx, size.0 - from.0),
        (-dy, from.1),
        (dy, size.1 - from.1),
    ];
    for (speed, room) in sides {
        // Rounding must not push a line along the edge out.
        let room = room + 1e-9;
        if speed == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if speed < 0.0 {
            enter = enter.max(room / speed);
        } else {
            leave = leave.min(room / speed);
        }
    }
    let at = |t: f64| (from.0 + t * dx, from.1 + t * dy);
    let start = if enter == 0.0 { from } else { at(enter) };
    let end = if leave == 1.0 { to } else { at(leave) };
    (enter <= leave).then_some((start, end))
}

/// Leaves out points that are nearer than `near` to the line through the others
/// (Douglas and Peucker 1973).
pub(super) fn thin(line: &[Point], near: f64) -> Vec<Point> {
    let mut kept = vec![false; line.len()];
    let mut open = vec![(0, line.len().saturating_sub(1))];
    while let Some((first, last)) = open.pop() {
        for end in [first, last] {
            if let Some(kept) = kept.get_mut(end) {
                *kept = true;
            }
        }
        let far = (first + 1..last)
            .map(|i| (i, distance(line[i], line[first], line[last])))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((i, _)) = far.filter(|far| far.1 > near) {
            open.extend([(first, i), (i, last)]);
        }
    }
    let points = line.iter().zip(kept).filter(|(_, kept)| *kept);
    points.map(|(point, _)| *point).collect()
}

/// From a point to the piece between two others.
fn distance(p: Point, a: Point, b: Point) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 {
        (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (p.0 - a.0 - along * dx).hypot(p.1 - a.1 - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_the_edges() {
        let line = [(-1.0, 5.0), (5.0, 5.0), (5.0, 20.0), (f64::NAN, 0.0)];
        let more = [(2.0, 2.0), (3.0, 2.0), (30.0, 30.0)];
        let all = runs(line.into_iter().chain(more), (10.0, 10.0));
        assert_eq!(all.len(), 2);
        assert!((all[0][0].0).abs() < 1e-6 && (all[0][2].1 - 10.0).abs() < 1e-6);
        assert_eq!(all[1][..2], [(2.0, 2.0), (3.0, 2.0)]);
        assert!(runs([(11.0, 0.0), (12.0, 5.0)].into_iter(), (10.0, 10.0)).is_empty());
    }

    #[test]
    fn corners_stay_and_the_rest_goes() {
        let stairs: Vec<Point> = (0..=200)
            .map(|i| (f64::from(i.min(100)), f64::from(i.max(100) - 100)))
            .collect();
        assert_eq!(
            thin(&stairs, 0.1),
            [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0)]
        );
        assert_eq!(thin(&[(1.0, 1.0)], 0.1), [(1.0, 1.0)]);
        assert!(thin(&[], 0.1).is_empty());
    }
}
