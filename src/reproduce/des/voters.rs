//! People who vote, simulated: two with decades of experience and three students (Sect. 4.6).
//!
//! A candidate looks more or less real to everyone: sources by their signal-to-noise, artefacts
//! by their kind, and each by a chance of its own that nobody can see through. A person adds a
//! leaning and a carelessness. None of these numbers is in the paper; they are chosen so that
//! people agree about as often as there (unanimous on 75% of what most call real and on 95% of
//! what most call bogus).

use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::data::votes::{Answer, Vote};
use crate::data::{Candidate, split};
use crate::simulate::Kind;

/// A person: name, leaning towards real, carelessness.
const PEOPLE: [(&str, f64, f64); 5] = [
    ("expert A", 0.0, 0.7),
    ("expert B", -0.2, 0.7),
    ("student C", 0.3, 1.2),
    ("student D", -0.3, 1.2),
    ("student E", 0.1, 1.3),
];
/// How far a candidate looks other than it is, in the same units.
const LUCK: f64 = 0.6;
/// Signal-to-noise at which a source looks a little more real than not.
const FAINTEST: f64 = 4.5;
/// How many people vote on a candidate, each as often.
const VOTES: [usize; 4] = [3, 4, 5, 5];

/// How real a candidate looks: 0 is as much as not.
fn looks(kind: Kind, candidate: &Candidate) -> f64 {
    // mag_err is 2.5 / ln 10 over the signal-to-noise.
    let signal_to_noise = 2.5 / std::f64::consts::LN_10 / candidate.mag_err;
    match kind {
        // Above some brightness it is the shape that people quarrel about.
        Kind::Real => 0.6 + ((signal_to_noise / FAINTEST).ln() / 2.0).clamp(-1.0, 1.0),
        Kind::NoisePeak => -1.0,
        Kind::GalaxyCore | Kind::Ghost => -2.4,
        Kind::Dipole | Kind::WrongKernel => -2.6,
        _ => -2.8,
    }
}

fn normal(random: &mut Xoshiro256PlusPlus) -> f64 {
    StandardNormal.sample(random)
}

/// Votes of three to five people on each candidate, by `seed`.
pub fn votes(kinds: &[Kind], candidates: &[Candidate], seed: u64) -> Vec<Vote> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x5eed_07e5);
    let mut votes = Vec::with_capacity(4 * candidates.len());
    for (&kind, candidate) in kinds.iter().zip(candidates) {
        let seen = looks(kind, candidate) + LUCK * normal(&mut random);
        let count = VOTES[(random.next_u64() % VOTES.len() as u64) as usize];
        let mut people: Vec<usize> = (0..PEOPLE.len()).collect();
        split::shuffle(&mut people, &mut random);
        for &person in &people[..count] {
            let (who, leaning, carelessness) = PEOPLE[person];
            let felt = seen + leaning + carelessness * normal(&mut random);
            votes.push(Vote {
                id: candidate.id.clone(),
                who: who.into(),
                answer: if felt > 0.0 {
                    Answer::Real
                } else {
                    Answer::Bogus
                },
                pixels: None,
            });
        }
    }
    votes
}
