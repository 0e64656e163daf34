//! A size on both axes of an image.

use serde::{Deserialize, Serialize};

/// One number for both axes, or one for each: `3` or `[3, 5]` (down, across).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OneOrTwo", into = "OneOrTwo")]
pub struct Pair(pub [usize; 2]);

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a size that is neither one number nor two, as [down, across]"
)]
enum OneOrTwo {
    One(usize),
    Two([usize; 2]),
}

impl From<OneOrTwo> for Pair {
    fn from(given: OneOrTwo) -> Pair {
        match given {
            OneOrTwo::One(n) => Pair([n, n]),
            OneOrTwo::Two(pair) => Pair(pair),
        }
    }
}

impl From<Pair> for OneOrTwo {
    fn from(Pair([a, b]): Pair) -> OneOrTwo {
        if a == b {
            OneOrTwo::One(a)
        } else {
            OneOrTwo::Two([a, b])
        }
    }
}
