//! Copies of FITS cutouts with their scores: checksums.

use super::Desk;
use super::fixtures::fits;
use super::score_formats::header;

/// A CHECKSUM that is none does not end the run, and damage stays visible in the copy.
#[test]
fn copies_renew_a_right_checksum_and_no_other() {
    use fitsio_pure::checksum::{checksum_blocks, encode_checksum};
    let desk = Desk::with_model();
    let with = |card: &str| fits(16, |p| p as f32, &[card]);
    let zeros = "CHECKSUM= '0000000000000000'";
    let mut right = with(zeros);
    let sum = encode_checksum(checksum_blocks(&right), true);
    let place = right
        .windows(16)
        .position(|w| w == &b"0000000000000000"[..]);
    right[place.unwrap()..][..16].copy_from_slice(&sum);
    desk.write("new/right.fits", &right);
    desk.write("new/wrong.fits", with(zeros));
    desk.write("new/empty.fits", with("CHECKSUM= '                '"));
    desk.write("new/number.fits", with("CHECKSUM=                    7"));
    let line = "score model.safetensors new --device cpu -o s.csv --fits-copies copies";
    let ran = desk.run(line).done();
    ran.says(&["2 candidates, such as new/number.fits: CHECKSUM of HDU 0 wrong"]);
    let copied = |name: &str| {
        let bytes = desk.read(&format!("copies/{name}.fits"));
        let (cards, _) = header(&bytes);
        let card = cards.iter().find(|card| card.starts_with("CHECKSUM"));
        (card.unwrap().clone(), checksum_blocks(&bytes))
    };
    assert!(matches!(copied("right").1, 0 | u32::MAX));
    for (name, card) in [
        ("wrong", zeros),
        ("empty", "CHECKSUM= '                '"),
        ("number", "CHECKSUM=                    7"),
    ] {
        assert_eq!(copied(name).0.trim_end(), card, "{name}");
    }
    let strict = format!("{} --strict", line.replace("copies", "others"));
    let strict = strict.replace("--fits-others", "--fits-copies");
    desk.refuses(&strict, 1, &["CHECKSUM of HDU 0 wrong"]);
}
