//! Which candidates a voter is shown (DES, Sect. 4.6): those that others have rated already,
//! until enough people have; else any, in an order that is the voter's own.

use std::hash::{DefaultHasher, Hash, Hasher};

/// What is known of one candidate's votes.
pub(super) struct Ballot<'a> {
    /// Its id.
    pub id: &'a str,
    /// Whether this person has rated it.
    pub mine: bool,
    /// How many others have.
    pub others: usize,
}

/// The next `most` candidates for `who`, by their place: not rated by this person, nor by as
/// many as `enough` others; first those that the most others have rated.
pub(super) fn pick<'a>(
    ballots: impl Iterator<Item = Ballot<'a>>,
    who: &str,
    seed: u64,
    enough: usize,
    most: usize,
) -> Vec<usize> {
    let mut open: Vec<(bool, u64, usize)> = ballots
        .enumerate()
        .filter(|(_, ballot)| is_open(ballot, enough))
        .map(|(at, ballot)| (ballot.others == 0, place(seed, who, ballot.id), at))
        .collect();
    if open.len() > most {
        open.select_nth_unstable(most);
        open.truncate(most);
    }
    open.sort_unstable();
    open.into_iter().map(|(.., at)| at).collect()
}

/// Whether a person is still to be asked about it.
pub(super) fn is_open(ballot: &Ballot, enough: usize) -> bool {
    !ballot.mine && ballot.others < enough
}

/// Where a candidate stands in a person's order.
fn place(seed: u64, who: &str, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, who, id).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(votes: &[(bool, usize)], who: &str, seed: u64, most: usize) -> Vec<usize> {
        let ids: Vec<String> = (0..votes.len()).map(|i| i.to_string()).collect();
        let ballots = votes.iter().zip(&ids);
        let ballots = ballots.map(|(&(mine, others), id)| Ballot { id, mine, others });
        pick(ballots, who, seed, 3, most)
    }

    #[test]
    fn rated_ones_come_first_until_three_have_voted() {
        let votes = [
            (false, 0),
            (false, 1),
            (true, 1),
            (false, 3),
            (false, 2),
            (false, 0),
        ];
        let mut all = picked(&votes, "ana", 1, 10);
        assert_eq!(all.len(), 4);
        all[..2].sort_unstable();
        all[2..].sort_unstable();
        assert_eq!(all, [1, 4, 0, 5]);
        assert_eq!(picked(&votes, "ana", 1, 2).len(), 2);
        assert!(
            picked(&votes, "ana", 1, 2)
                .iter()
                .all(|at| [1, 4].contains(at))
        );
    }

    #[test]
    fn everybody_has_an_order_of_their_own_and_it_stays() {
        let votes = [(false, 0); 50];
        let ana = picked(&votes, "ana", 1, 50);
        assert_eq!(ana, picked(&votes, "ana", 1, 50));
        assert_eq!(ana[..7], picked(&votes, "ana", 1, 7));
        for other in [picked(&votes, "ben", 1, 50), picked(&votes, "ana", 2, 50)] {
            assert_ne!(ana, other);
            let mut sorted = other;
            sorted.sort_unstable();
            assert_eq!(sorted, (0..50).collect::<Vec<_>>());
        }
    }
}
