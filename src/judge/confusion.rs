//! Decisions at one threshold, counted, and the ratios of the counts.
//!
//! Sources: O'TRAIN (Makhlouf et al. 2022) Sect. 6.1, Table 4; DES (Ayyar et
//! al. 2022) Sect. 3.2, Fig. 3 and Eq. 1.

/// Which side of the threshold a score equal to it falls on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Real when score >= threshold: rbgpu's own decision, and scikit-learn's.
    AtLeast,
    /// Real when score > threshold: O'TRAIN's code.
    Above,
}

impl Cut {
    /// Whether `score` is called real.
    pub fn is_real(self, score: f64, threshold: f64) -> bool {
        match self {
            Cut::AtLeast => score >= threshold,
            Cut::Above => score > threshold,
        }
    }
}

/// Decisions counted by what the label says (O'TRAIN Table 4, DES Fig. 3).
///
/// A ratio whose denominator is zero is undefined; all of them are then 0, as
/// scikit-learn has it with `zero_division=0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Confusion {
    /// Bogus, called bogus.
    pub tn: u64,
    /// Bogus, called real.
    pub fp: u64,
    /// Real, called bogus.
    #[serde(rename = "fn")]
    pub fn_: u64,
    /// Real, called real.
    pub tp: u64,
}

/// a / b, or 0 where b is 0.
fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

impl Confusion {
    /// How many candidates.
    pub fn total(&self) -> u64 {
        self.tn + self.fp + self.fn_ + self.tp
    }

    /// (TP + TN) / all.
    pub fn accuracy(&self) -> f64 {
        ratio(self.tp + self.tn, self.total())
    }

    /// TP / (TP + FP): of those called real, how many are. 0 when none is called real.
    pub fn precision(&self) -> f64 {
        ratio(self.tp, self.tp + self.fp)
    }

    /// TP / (TP + FN), also called recall, efficiency or completeness. 0 when nothing is real.
    pub fn tpr(&self) -> f64 {
        ratio(self.tp, self.tp + self.fn_)
    }

    /// FP / (FP + TN). 0 when nothing is bogus.
    pub fn fpr(&self) -> f64 {
        ratio(self.fp, self.fp + self.tn)
    }

    /// Missed detection rate, FN / (TP + FN) = 1 - TPR (DES Eq. 1). 0 when nothing is real.
    pub fn mdr(&self) -> f64 {
        ratio(self.fn_, self.tp + self.fn_)
    }

    /// 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall
    /// (O'TRAIN Eq. 2). 0 when nothing is real nor called so.
    pub fn f1(&self) -> f64 {
        ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn_)
    }

    /// Matthews' correlation coefficient (O'TRAIN Eq. 3), from -1 to 1:
    ///
    /// (TP TN - FP FN) / sqrt((TP+FP) (TP+FN) (TN+FP) (TN+FN))
    ///
    /// 0 where one of the four sums is 0: only one class, or only one decision.
    pub fn mcc(&self) -> f64 {
        let [tn, fp, fn_, tp] = [self.tn, self.fp, self.fn_, self.tp].map(i128::from);
        // Exact in integers, so that no two large products cancel to noise.
        let numerator = (tp * tn - fp * fn_) as f64;
        let squares = ((tp + fp) * (tp + fn_)) as f64 * ((tn + fp) * (tn + fn_)) as f64;
        if squares == 0.0 {
            return 0.0;
        }
        (numerator / squares.sqrt()).clamp(-1.0, 1.0)
    }

    /// TPR, FPR, MDR, precision, F1 and MCC, NaN where it has no meaning for want of a class
    /// (or of a candidate called real): what is shown to people.
    pub fn meant(&self) -> [f64; 6] {
        let (real, bogus) = (self.tp + self.fn_ > 0, self.tn + self.fp > 0);
        let of = |meant: bool, value: f64| if meant { value } else { f64::NAN };
        [
            of(real, self.tpr()),
            of(bogus, self.fpr()),
            of(real, self.mdr()),
            of(self.tp + self.fp > 0, self.precision()),
            of(real, self.f1()),
            of(real && bogus, self.mcc()),
        ]
    }
}
