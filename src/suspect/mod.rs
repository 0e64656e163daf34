//! Which labels are likely to be wrong (Ayyar et al. 2022, Sect. 4.3), and how many.
