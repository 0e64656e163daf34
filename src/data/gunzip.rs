//! Gzip as `gzip -d` reads it: all members of a file, one after the other (bgzip,
//! `cat a.gz b.gz`). Zeros behind the last one are filling; anything else is an error.

use std::io::{BufRead, Error, ErrorKind, Read, Result};

use flate2::bufread::GzDecoder;

/// How gzip begins.
pub(crate) const GZIP: &[u8] = &[0x1f, 0x8b];

/// Unzips what `R` reads.
pub(crate) struct Gunzip<R> {
    state: State<R>,
}

enum State<R> {
    Member(Box<GzDecoder<R>>),
    /// Behind a member.
    Between(R),
    Over,
}

impl<R: BufRead> Gunzip<R> {
    pub fn new(reader: R) -> Gunzip<R> {
        Gunzip {
            state: State::Member(Box::new(GzDecoder::new(reader))),
        }
    }

    /// The next member, or the end.
    fn next(mut reader: R) -> Result<State<R>> {
        let start = reader.fill_buf()?;
        match start.first() {
            None => return Ok(State::Over),
            // What the decoder says of a broken header is right for this byte.
            Some(0x1f) => return Ok(State::Member(Box::new(GzDecoder::new(reader)))),
            Some(_) => {}
        }
        loop {
            let piece = reader.fill_buf()?;
            if piece.is_empty() {
                return Ok(State::Over);
            }
            if piece.iter().any(|&byte| byte != 0) {
                let what = "bytes behind the gzip data that are neither gzip nor zeros";
                return Err(Error::new(ErrorKind::InvalidData, what));
            }
            let count = piece.len();
            reader.consume(count);
        }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return Ok(0),
                State::Between(reader) => self.state = Gunzip::next(reader)?,
                State::Member(mut member) => match member.read(out)? {
                    0 => self.state = State::Between(member.into_inner()),
                    count => {
                        self.state = State::Member(member);
                        return Ok(count);
                    }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn gz(text: &str) -> Vec<u8> {
        fitsio_pure::gzip::compress(text.as_bytes(), 6)
    }

    fn read(bytes: &[u8]) -> Result<String> {
        // A small buffer, so that members end everywhere in it.
        let mut text = String::new();
        Gunzip::new(BufReader::with_capacity(7, bytes)).read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn all_members_are_read_and_what_stands_behind_them_is_not_passed_over() {
        assert_eq!(read(&gz("one")).unwrap(), "one");
        let two = [gz("one"), gz(""), gz("two")].concat();
        assert_eq!(read(&two).unwrap(), "onetwo");
        assert_eq!(read(&[&two[..], &[0; 700]].concat()).unwrap(), "onetwo");
        for behind in [&b"hello"[..], &[0, 0, 1], &[0x1f, 0x8b, 8], &[0x1f]] {
            assert!(read(&[&two[..], behind].concat()).is_err(), "{behind:?}");
        }
        assert!(read(&two[..two.len() - 3]).is_err(), "cut off");
    }
}
