//! DATASUM and CHECKSUM of HDUs (FITS standard 4.0, Sect. 4.4.2.7 and Appendix J).

use fitsio_pure::BLOCK_SIZE;
use fitsio_pure::checksum::checksum_blocks;

use super::hdus::Part;
use crate::data::Remark;

/// What is wrong with the sums of the HDUs `parts` of the file `bytes`: their names, such
/// as "DATASUM of HDU 1 (DIFF)". A keyword without a value says nothing.
pub(crate) fn wrong(bytes: &[u8], parts: &[Part]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let (hdu, cards) = (&part.hdu, &part.cards);
        let name = match part.name() {
            name if name.is_empty() => String::new(),
            name => format!(" ({name})"),
        };
        let mut is_wrong = |keyword: &str| wrong.push(format!("{keyword} of HDU {number}{name}"));
        let end = hdu.data_start + hdu.data_len.next_multiple_of(BLOCK_SIZE);
        if let Some(field) = cards.value("DATASUM") {
            let expected = field.text().and_then(|text| text.parse::<u32>().ok());
            // Of nothing the sum is 0, which has two forms.
            let sum = sum_of(bytes, hdu.data_start, end);
            if expected.is_none_or(|expected| expected != sum && !(zero(expected) && zero(sum))) {
                is_wrong("DATASUM");
            }
        }
        if cards.value("CHECKSUM").is_some() && !checksum_is_right(bytes, part) {
            is_wrong("CHECKSUM");
        }
    }
    wrong
}

/// Whether the sum of an HDU is what its CHECKSUM makes it: zero.
pub(crate) fn checksum_is_right(bytes: &[u8], part: &Part) -> bool {
    let hdu = &part.hdu;
    let end = hdu.data_start + hdu.data_len.next_multiple_of(BLOCK_SIZE);
    zero(sum_of(bytes, hdu.header_start, end))
}

/// What is said of a candidate whose file has the sums `wrong`.
pub(crate) fn damage(wrong: &[String]) -> Option<Remark> {
    let words = || {
        format!(
            "{} wrong; the file was damaged or changed",
            wrong.join(", ")
        )
    };
    (!wrong.is_empty()).then(|| Remark::Damage(words()))
}

/// Zero of ones' complement.
fn zero(sum: u32) -> bool {
    matches!(sum, 0 | u32::MAX)
}

/// The sum of `bytes` from `start` to `end`; what is missing at the end is filling.
pub(crate) fn sum_of(bytes: &[u8], start: usize, end: usize) -> u32 {
    if let Some(all) = bytes.get(start..end) {
        return checksum_blocks(all);
    }
    let mut all = bytes.get(start..).unwrap_or_default().to_vec();
    all.resize(end - start, 0);
    checksum_blocks(&all)
}
