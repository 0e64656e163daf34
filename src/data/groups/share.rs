//! Groups dealt out to the parts of a split.

use std::cmp::Reverse;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;

use super::Groups;
use crate::data::split::{Split, apportion, shuffle};

/// The label that most of `rows` have; bogus where it is as many.
pub fn majority(rows: &[usize], labels: &[u8]) -> u8 {
    let real = rows.iter().filter(|&&row| labels[row] == 1).count();
    u8::from(2 * real > rows.len())
}

impl Groups {
    /// The groups of `rows`, which ascend, dealt out to training, validation and test: each
    /// class by itself, a group with the class that most of it has. Which part a group goes to
    /// is drawn, by the room that is left in each, the large ones first, so that small ones even
    /// out what they leave; large and small ones are then as likely in every part.
    pub(crate) fn share_out(
        &self,
        rows: impl IntoIterator<Item = usize>,
        labels: &[u8],
        shares: [f64; 3],
        random: &mut Xoshiro256PlusPlus,
    ) -> Split {
        let lists = self.lists(rows);
        let mut parts: [Vec<usize>; 3] = Default::default();
        for class in [1, 0] {
            let own = lists.iter().filter(|rows| majority(rows, labels) == class);
            let mut own: Vec<&Vec<usize>> = own.collect();
            shuffle(&mut own, random);
            own.sort_by_key(|rows| Reverse(rows.len()));
            let mut room = apportion(own.iter().map(|rows| rows.len()).sum(), shares);
            let mut dealt: [Vec<&Vec<usize>>; 3] = Default::default();
            for rows in own {
                let part = draw(room, rows.len(), random);
                room[part] = room[part].saturating_sub(rows.len());
                dealt[part].push(rows);
            }
            fill(&mut dealt, shares);
            for (part, dealt) in parts.iter_mut().zip(dealt) {
                part.extend(dealt.into_iter().flatten());
            }
        }
        parts.iter_mut().for_each(|part| part.sort_unstable());
        let [train, validation, test] = parts;
        Split {
            train,
            validation,
            test,
        }
    }
}

/// A part with room for `size` rows, each as likely as its room is large; where none has it, the
/// one with most.
fn draw(room: [usize; 3], size: usize, random: &mut Xoshiro256PlusPlus) -> usize {
    let fitting = room.map(|room| if room >= size { room } else { 0 });
    let all: usize = fitting.iter().sum();
    if all == 0 {
        return (0..3)
            .max_by_key(|&part| (room[part], 3 - part))
            .unwrap_or(0);
    }
    let mut drawn = ((u128::from(random.next_u64()) * all as u128) >> 64) as usize;
    let mut part = 0;
    while drawn >= fitting[part] {
        drawn -= fitting[part];
        part += 1;
    }
    part
}

/// A part that is wanted at all gets a group, as long as there are enough: training first.
fn fill(dealt: &mut [Vec<&Vec<usize>>; 3], shares: [f64; 3]) {
    for part in 0..3 {
        if shares[part] <= 0.0 || !dealt[part].is_empty() {
            continue;
        }
        let richest = (0..3).max_by_key(|&p| (dealt[p].len(), 3 - p)).unwrap_or(0);
        let donor = match dealt[richest].len() > 1 {
            true => Some(richest),
            false => (part + 1..3).rev().find(|&p| !dealt[p].is_empty()),
        };
        // The last is the smallest.
        if let Some(group) = donor.and_then(|donor| dealt[donor].pop()) {
            dealt[part].push(group);
        }
    }
}
