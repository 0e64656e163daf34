//! The random-forest baseline: features of candidates, and trees on them (Goldstein et al. 2015).
