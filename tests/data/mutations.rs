//! No bytes make a reader panic: files with bytes changed and ends cut off.

use std::fs;
use std::path::Path;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use rbgpu::data::writer::write_cube;
use rbgpu::data::{ReadOptions, open};

use super::errors::npy;
use super::folders::{floats, image};
use super::{fixture, made};

/// Reads `rounds` damaged versions of `whole`; how many were read all the same.
fn damage(path: &Path, whole: &[u8], rounds: usize) -> usize {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(whole.len() as u64);
    let mut below = |n: usize| (rng.next_u64() % n as u64) as usize;
    let mut read = 0;
    for round in 0..rounds {
        let mut bytes = whole.to_vec();
        match round % 4 {
            0 => bytes.truncate(below(whole.len())),
            1 => (0..=below(4)).for_each(|_| bytes[below(whole.len())] ^= 1 << below(8)),
            // Headers are where it hurts.
            2 => (0..=below(4)).for_each(|_| bytes[below(whole.len().min(600))] = below(256) as u8),
            _ => {
                let at = whole.len() - 1 - below(whole.len().min(600));
                bytes[at] = [0, 0xff, 0x7f, 0x80, b'9', b'('][below(6)];
            }
        }
        fs::write(path, bytes).unwrap();
        for labels_required in [true, false] {
            let options = ReadOptions {
                labels_required,
                ..ReadOptions::default()
            };
            if let Ok(set) = open(&[path], &options) {
                let mut out = vec![0.0; set.shape.len()];
                (0..set.len()).for_each(|row| set.pixels.read(row, &mut out).unwrap());
                read += 1;
            }
        }
    }
    read
}

#[test]
fn damaged_files_are_errors_or_read() {
    let dir = tempfile::tempdir().unwrap();
    let cube = dir.path().join("cube.npz");
    write_cube(&cube, &made(5, 4, 4, 2)).unwrap();
    let stored = fs::read(&cube).unwrap();
    let deflated = fs::read(fixture("compressed.npz")).unwrap();
    let cards = [
        "MAG     =                 18.0",
        "HIERARCH mag_calib = 17.5",
        "EDGE    = 'False   '",
    ];
    let fits = image(-32, &cards, &floats(&[1.0; 6]));
    let gz = fitsio_pure::gzip::compress(&fits, 6);
    let array = npy("<f4", false, "(3, 2, 2, 1)", &[0; 48]);
    for (name, whole, rounds) in [
        ("a.npz", &stored, 600),
        ("b.npz", &deflated, 600),
        ("c.fits", &fits, 600),
        ("d.fits.gz", &gz, 300),
        ("e_x.npy", &array, 600),
    ] {
        let read = damage(&dir.path().join(name), whole, rounds);
        assert!(read < 2 * rounds, "{name}: {read} of {rounds} read");
    }
}
