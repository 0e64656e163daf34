//! What the extensions of a FITS file say of its candidate beside the primary header.

use super::fits_headers::{primary, read, refused, with_cards};
use super::says;

/// EDGE describes a cutout wherever it stands, also beside an image that is not read.
#[test]
fn a_candidate_at_the_edge_is_one_by_any_of_its_images() {
    let cut_off = ["EDGE    = T"];
    let file = [
        primary(&["CANDID  = 5"]),
        with_cards("TEMPLATE", &cut_off),
        with_cards("DIFF", &[]),
    ];
    assert_eq!(read(&file, None).candidate.edge, Some(true));
    let file = [
        primary(&["CANDID  = 5", "EDGE    = F"]),
        with_cards("DIFF", &cut_off),
    ];
    let cutout = read(&file, None);
    assert_eq!(cutout.candidate.edge, Some(false));
    says(
        &cutout.remarks.join("\n"),
        &["EDGE is true in an image extension"],
    );
}

#[test]
fn what_is_missing_or_twice_is_said() {
    let place = ["RA      = 10.0", "DEC     = 3.0"];
    let file = [
        primary(&["CANDID  = 5", "EDGE    = F"]),
        with_cards("DIFF", &place),
    ];
    let remarks = read(&file, None).remarks.join("\n");
    says(
        &remarks,
        &["RA of the image extension is not used", "DEC of the"],
    );

    let file = [primary(&["CANDID  = 5"]), with_cards("DIFF", &[])];
    let cutout = read(&file, None);
    assert_eq!(cutout.candidate.filter, "Clear");
    says(&cutout.remarks.join("\n"), &["no FILTER", "Clear"]);

    for twin in ["DIFF", "DIFFERENCE"] {
        let file = [primary(&[]), with_cards("DIFF", &[]), with_cards(twin, &[])];
        says(
            &refused(&file),
            &["two difference images", twin, "one image of each kind"],
        );
    }
}
