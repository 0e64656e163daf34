//! `rbgpu score` in a pipe: standard input, lists of files, and memory that does not
//! grow with the number of candidates.

use super::fixtures::{fits, fits_without_data, noise, npy};
use super::scores::rows;
use super::{Desk, Ran};

impl Desk {
    /// Runs `rbgpu` with `input` on its standard input.
    fn pipe(&self, arguments: &str, input: impl Into<Vec<u8>>) -> Ran {
        let mut command = self.command();
        command.args(arguments.split_whitespace());
        let ran = Ran::of(command.write_stdin(input).output().unwrap());
        ran.without_panic();
        ran
    }
}

#[test]
fn arrays_and_fits_from_standard_input() {
    let desk = Desk::with_model();
    desk.write("one.fits", fits(16, |p| p as f32, &[]));
    desk.write("some.npy", npy("|u1", "(5, 16, 16, 1)", &noise(5 * 256)));
    let score = "score model.safetensors --device cpu --out -";
    for (input, count) in [("set.npz", 60), ("some.npy", 5), ("one.fits", 1)] {
        let named = desk.run(&format!("{score} {input}")).done().out;
        let piped = desk
            .pipe(&format!("{score} -"), desk.read(input))
            .done()
            .out;
        assert_eq!(rows(&piped).len(), count, "{input}");
        assert_eq!(piped.replace("standard input", input), named, "{input}");
    }
    let both = desk.pipe(
        &format!("{score} set.npz - some.npy"),
        desk.read("one.fits"),
    );
    assert_eq!(rows(&both.done().out).len(), 66);
}

#[test]
fn what_cannot_be_read_from_standard_input() {
    let desk = Desk::with_model();
    let score = "score model.safetensors --device cpu -";
    let set = desk.read("set.npz");
    for (input, parts) in [
        (vec![], ["standard input", "an empty file"]),
        (b"hello there".to_vec(), ["standard input", "hello there"]),
        (
            set[..set.len() / 2].to_vec(),
            ["standard input", "truncated"],
        ),
    ] {
        let ran = desk.pipe(score, input);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
        ran.says(&parts);
    }
    // One FITS file in a pipe is a row, as one of many.
    let ran = desk.pipe(score, fits_without_data());
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(rows(&ran.out)[0]["error"].contains("no image data"));
    let ran = desk.pipe("train - --network tiny.toml --device cpu", set);
    assert_eq!(ran.code, 2, "{}", ran.err);
    ran.says(&["only scoring reads standard input"]);
}

#[test]
fn a_list_of_files() {
    let desk = Desk::with_model();
    for i in 0..7 {
        desk.write(&format!("new/{i}.fits"), fits(16, |p| (p * i) as f32, &[]));
    }
    desk.write("new/bad.fits", fits_without_data());
    let list = "new/3.fits\nnew/bad.fits\n\nset.npz\nnew/1.fits\r\nnowhere.fits\nnowhere.npz\nnew";
    desk.write("list.txt", list);
    let score = "score model.safetensors --device cpu --files-from";
    let ran = desk.run(&format!("{score} list.txt"));
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(desk.pipe(&format!("{score} -"), list).out, ran.out);
    let rows = rows(&ran.out);
    let files: Vec<&str> = rows.iter().map(|row| &*row["file"]).collect();
    let mut expected = vec!["new/3.fits", "new/bad.fits"];
    expected.extend([""; 60]);
    expected.extend(["new/1.fits", "nowhere.fits", "nowhere.npz"]);
    let folder = ["0", "1", "2", "3", "4", "5", "6", "bad"].map(|f| format!("new/{f}.fits"));
    expected.extend(folder.iter().map(String::as_str));
    assert_eq!(files, expected);
    let failed: Vec<&str> = rows
        .iter()
        .filter(|row| !row["error"].is_empty())
        .map(|row| &*row["id"])
        .collect();
    assert_eq!(
        failed,
        ["bad.fits", "nowhere.fits", "nowhere.npz", "bad.fits"]
    );
    let parts = ["bad.fits", "no image data"];
    desk.refuses(&format!("{score} list.txt --strict -o s.csv"), 1, &parts);
    desk.refuses(&format!("{score} nowhere.txt"), 1, &["nowhere.txt"]);
    desk.refuses(&format!("{score} list.txt set.npz"), 2, &["--files-from"]);
}

/// Peak memory in KiB of scoring `input`, as the program says itself.
#[cfg(target_os = "linux")]
fn peak(desk: &Desk, input: &str) -> usize {
    let line = format!("score model.safetensors {input} --device cpu -v -o s.csv");
    let ran = desk.run(&line).done();
    let text = ran.err.split("peak memory ").nth(1).expect(&ran.err);
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Ten times as many cutouts in the same memory: of a folder there are paths to
/// keep, of an array ids; pixels would be 50 MiB more.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_number_of_candidates() {
    let desk = Desk::with_model();
    for (name, count) in [("few", 5_000), ("many", 50_000)] {
        let shape = format!("({count}, 16, 16, 1)");
        desk.write(
            &format!("{name}.npy"),
            npy("<f4", &shape, &noise(count * 1024)),
        );
    }
    let (few, many) = (peak(&desk, "few.npy"), peak(&desk, "many.npy"));
    assert!(many <= few + 24, "{few} MiB of 5,000, {many} MiB of 50,000");

    let image = fits(16, |p| (p % 13) as f32, &[]);
    std::fs::create_dir(desk.path("images")).unwrap();
    let mut lists = [String::new(), String::new()];
    for i in 0..3_000 {
        let name = format!("images/{i}.fits");
        std::fs::write(desk.path(&name), &image).unwrap();
        lists[0] += &format!("{name}\n");
    }
    lists[1] = lists[0].repeat(10);
    desk.write("few.txt", &lists[0]);
    desk.write("many.txt", &lists[1]);
    let (few, many) = (
        peak(&desk, "--files-from few.txt"),
        peak(&desk, "--files-from many.txt"),
    );
    assert!(many <= few + 8, "{few} MiB of 3,000, {many} MiB of 30,000");
}
