//! Candidates sorted by where they are.

use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rbgpu::data::truth::{Place, Radius, Truth};

fn truth(text: &str) -> Truth {
    Truth::parse(text, Path::new("truth.csv")).unwrap()
}

fn sky(ra: f64, dec: f64) -> Place<'static> {
    Place {
        ra,
        dec,
        x: f64::NAN,
        y: f64::NAN,
        image: "",
    }
}

/// In arc seconds, by Vincenty's formula.
fn separation(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (sin1, cos1) = a.1.to_radians().sin_cos();
    let (sin2, cos2) = b.1.to_radians().sin_cos();
    let (sin, cos) = (b.0 - a.0).to_radians().sin_cos();
    let across = (cos2 * sin).hypot(cos1 * sin2 - sin1 * cos2 * cos);
    across.atan2(sin1 * sin2 + cos1 * cos2 * cos).to_degrees() * 3600.0
}

#[test]
fn the_nearest_within_the_radius_counts() {
    let truth = truth("id,ra,dec\na,10.0,20.0\nb,10.001,20.0\nc,10.0,20.0004\n");
    let found = |ra, dec, radius| truth.matches(&sky(ra, dec), Radius::Arcsec(radius));
    assert_eq!(found(10.0, 20.0, 1.0).unwrap().row, 0);
    assert_eq!(found(10.0009, 20.0, 1.0).unwrap().row, 1);
    let near = found(10.0, 20.0003, 2.0).unwrap();
    assert_eq!(near.row, 2);
    assert!((near.distance - 0.36).abs() < 1e-6, "{}", near.distance);
    assert_eq!(found(10.0, 20.0013, 2.0), None);
    // Right at the radius, and unknown places.
    assert!(found(10.0, 20.0 + 1.0 / 3600.0 - 1e-9, 1.0).is_some());
    assert_eq!(found(f64::NAN, 20.0, 2.0), None);
}

#[test]
fn right_ascension_begins_anew_and_poles_are_points() {
    let truth = truth("ra,dec\n359.9999,0\n0.0,89.9999\n100.0,-89.99995\n");
    let found = |ra, dec| {
        truth
            .matches(&sky(ra, dec), Radius::Arcsec(1.0))
            .map(|m| m.row)
    };
    assert_eq!(found(0.0001, 0.0), Some(0));
    assert_eq!(found(-0.0001, 0.0), Some(0));
    assert_eq!(found(180.0, 89.9999), Some(1));
    assert_eq!(found(280.0, -89.9999), Some(2));
    assert_eq!(found(90.0, 0.0), None);
}

#[test]
fn it_finds_what_looking_at_all_of_them_finds() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut near_pole = |span: f64| {
        (
            random.random::<f64>() * 360.0,
            90.0 - span * random.random::<f64>(),
        )
    };
    let truths: Vec<_> = (0..1000).map(|_| near_pole(0.05)).collect();
    let rows = truths.iter().map(|(ra, dec)| format!("{ra} {dec}\n"));
    let table = truth(&format!("# RA Dec\n{}", rows.collect::<String>()));
    let mut hits = 0;
    for _ in 0..1000 {
        let place = near_pole(0.06);
        let all = truths.iter().map(|one| separation(place, *one)).enumerate();
        let nearest = all
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|one| one.1 <= 4.0);
        let found = table.matches(&sky(place.0, place.1), Radius::Arcsec(4.0));
        assert_eq!(found.map(|m| m.row), nearest.map(|n| n.0));
        hits += usize::from(found.is_some());
        if let (Some(found), Some(nearest)) = (found, nearest) {
            assert!((found.distance - nearest.1).abs() < 1e-5);
        }
    }
    assert!(hits > 50 && hits < 950, "{hits}");
}

#[test]
fn a_hundred_thousand_are_sorted_by_as_many_in_seconds() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(2);
    let mut place = || (150.0 + random.random::<f64>(), 2.0 + random.random::<f64>());
    let rows: String = (0..100_000)
        .map(|_| place())
        .map(|(ra, dec)| format!("{ra},{dec}\n"))
        .collect();
    let table = truth(&format!("ra,dec\n{rows}"));
    let start = std::time::Instant::now();
    let mut hits = 0;
    for _ in 0..100_000 {
        let (ra, dec) = place();
        hits += usize::from(table.matches(&sky(ra, dec), Radius::Arcsec(1.0)).is_some());
    }
    println!(
        "{hits} of 100,000 in {:.2} s",
        start.elapsed().as_secs_f64()
    );
    // pi / 3600^2 of a square degree for each.
    assert!((1800..3100).contains(&hits), "{hits}");
    assert!(start.elapsed().as_secs() < 30);
}

#[test]
fn pixels_count_in_their_own_image_only() {
    let truth = truth(
        "image,id,x,y,ra,dec\nnight/a.fits,1,100.5,200.5,10,20\nb.fits.fz,1,100.5,200.5,10,20\nb.fits.fz,2,50,60,11,21\n",
    );
    let found = |image, x, y| {
        let place = Place {
            image,
            x,
            y,
            ..sky(f64::NAN, f64::NAN)
        };
        truth.matches(&place, Radius::Pixels(2.0)).map(|m| m.row)
    };
    assert_eq!(found("a.fits.gz", 101.0, 201.0), Some(0));
    assert_eq!(found("/else/where/b.fits", 101.0, 201.0), Some(1));
    assert_eq!(found("b", 50.0, 61.9), Some(2));
    assert_eq!(found("b", 50.0, 62.1), None);
    assert_eq!(found("c.fits", 101.0, 201.0), None);
    // On the sky an image that the catalogue does not name is compared with all of them.
    let on_sky = |image, ra, dec| {
        let place = Place {
            image,
            ..sky(ra, dec)
        };
        truth.matches(&place, Radius::Arcsec(1.0)).map(|m| m.row)
    };
    assert_eq!(on_sky("a.fits", 11.0, 21.0), None);
    assert_eq!(on_sky("b.fits", 11.0, 21.0), Some(2));
    assert_eq!(on_sky("difference.fits", 11.0, 21.0), Some(2));
    assert_eq!(on_sky("", 11.0, 21.0), Some(2));
}

#[test]
fn tables_of_others_are_understood() {
    let tables = [
        "Xpos,Ypos\n10,20\n",
        "#filename RA Dec originalFile Xpos Ypos mag\nc.fits 1 2 a.fits 10 20 17\n",
        "# made by hand\n# X_IMAGE;Y_IMAGE\n10;20\n",
        "\n# comment\nX\tY\tname\n10\t20\t\n# comment\n",
        "RA,DEC,x,y,name\r\n,,10,20,\"a, b\"\r\n",
    ];
    for table in tables {
        let truth = truth(table);
        assert_eq!(truth.len(), 1, "{table}");
        assert!(truth.answers(Radius::Pixels(1.0)), "{table}");
        let place = Place {
            x: 10.5,
            y: 20.0,
            image: "a.fits",
            ..sky(0.0, 0.0)
        };
        assert!(
            truth.matches(&place, Radius::Pixels(1.0)).is_some(),
            "{table}"
        );
    }
    assert!(truth("ra,dec\n").is_empty());
    assert!(!truth("x,y\n1,2\n").answers(Radius::Arcsec(1.0)));
}

#[test]
fn tables_that_say_no_place_are_refused() {
    let wrong = [
        ("", "no line"),
        ("a,b\n1,2\n", "a,b"),
        ("ra,mag\n1,2\n", "columns RA and Dec"),
        ("ra,dec\n1\n", "line 2: found 1 fields"),
        ("ra,dec\n1,2\none,two\n", "line 3: found 'one,two'"),
        ("ra,dec\n1,95\n", "Dec = 95"),
        ("ra,dec\n1,NaN\n", "line 2"),
    ];
    for (text, part) in wrong {
        let error = Truth::parse(text, Path::new("truth.csv"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("truth.csv") && error.contains(part),
            "{text:?}: {error}"
        );
    }
    let error = Truth::read("/no/such/file.csv").unwrap_err().to_string();
    assert!(error.contains("/no/such/file.csv"));
}

#[test]
fn a_radius_has_a_unit() {
    assert_eq!("1.5".parse::<Radius>().unwrap(), Radius::Arcsec(1.5));
    assert_eq!("1.5arcsec".parse::<Radius>().unwrap(), Radius::Arcsec(1.5));
    assert_eq!("2px".parse::<Radius>().unwrap(), Radius::Pixels(2.0));
    for wrong in ["", "0", "-1", "NaN", "inf", "2 apples", "px"] {
        let error = wrong.parse::<Radius>().unwrap_err().to_string();
        assert!(error.contains("--radius"), "{error}");
    }
}
