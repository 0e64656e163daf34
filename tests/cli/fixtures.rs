//! Files of every kind that rbgpu reads, made by hand: right ones and broken ones.

use std::fs::File;
use std::io::Write;
use std::path::Path;

/// A .npy file of version 1.
pub fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let dict = format!("{dict:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dict.len() as u16).to_le_bytes());
    bytes.extend(dict.as_bytes());
    bytes.extend(data);
    bytes
}

/// A .npz of such files.
pub fn npz(path: &Path, members: &[(&str, Vec<u8>)]) {
    let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(format!("{name}.npy"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

/// Bytes that look like noise, so that no two cutouts are the same.
pub fn noise(count: usize) -> Vec<u8> {
    let mix = |i: usize| (i.wrapping_mul(2_654_435_761) >> 13) as u8;
    (0..count).map(mix).collect()
}

/// uint8 cutouts (count, 16, 16, channels).
pub fn cutouts(count: usize, channels: usize) -> Vec<u8> {
    let data = noise(count * 256 * channels);
    npy("|u1", &format!("({count}, 16, 16, {channels})"), &data)
}

/// `count` labels 0, 1, 0, 1, …
pub fn alternating(count: usize) -> Vec<u8> {
    let data: Vec<u8> = (0..count).map(|i| (i % 2) as u8).collect();
    npy("|u1", &format!("({count},)"), &data)
}

/// Numbers as an array of strings, `<U8`.
pub fn strings(texts: &[String]) -> Vec<u8> {
    let mut data = Vec::new();
    for text in texts {
        let mut item: Vec<u8> = text
            .chars()
            .flat_map(|c| (c as u32).to_le_bytes())
            .collect();
        item.resize(32, 0);
        data.extend(item);
    }
    npy("<U8", &format!("({},)", texts.len()), &data)
}

/// A FITS image of `size` x `size` f32 pixels, with more header cards.
pub fn fits(size: usize, pixel: impl Fn(usize) -> f32, cards: &[&str]) -> Vec<u8> {
    let mut header = vec![
        "SIMPLE  =                    T".to_string(),
        "BITPIX  =                  -32".to_string(),
        "NAXIS   =                    2".to_string(),
        format!("NAXIS1  = {size:>20}"),
        format!("NAXIS2  = {size:>20}"),
    ];
    // What O'TRAIN demands for training, unless the test says otherwise.
    for card in ["CANDID  = '7       '", "EDGE    = 'False   '"] {
        if !cards.iter().any(|other| other[..8] == card[..8]) {
            header.push(card.into());
        }
    }
    header.extend(cards.iter().map(|card| card.to_string()));
    let data: Vec<u8> = (0..size * size)
        .flat_map(|i| pixel(i).to_be_bytes())
        .collect();
    blocks(&header, &data)
}

/// A FITS file whose only header has no image.
pub fn fits_without_data() -> Vec<u8> {
    let header = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
    ];
    blocks(&header.map(String::from), &[])
}

fn blocks(header: &[String], data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for card in header.iter().map(String::as_str).chain(["END"]) {
        bytes.extend(format!("{card:<80}").into_bytes());
    }
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    bytes
}

/// What Git LFS leaves where it did not fetch a file.
pub const LFS_POINTER: &str =
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 123456\n";
