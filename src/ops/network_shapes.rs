//! The shapes of the five published networks' layers, for the ops' case tables: what
//! the benches time and what the devices are held to the reference at. Batches are
//! small where the reference would take long.

/// Every convolution: (name, x (N,H,W,C), window, filters, stride).
pub(super) const CONVOLUTIONS: [(&str, [usize; 4], usize, usize, usize); 17] = [
    ("otrain 1: 1 to 16 at 32", [64, 32, 32, 1], 3, 16, 1),
    ("otrain 2: 16 to 32 at 32", [64, 32, 32, 16], 3, 32, 1),
    ("otrain 3: 32 to 64 at 16", [64, 16, 16, 32], 3, 64, 1),
    ("otrain 4: 64 to 128 at 8", [64, 8, 8, 64], 3, 128, 1),
    ("otrain 5: 128 to 256 at 8", [64, 8, 8, 128], 3, 256, 1),
    ("des1 1: 3 to 80 at 51", [8, 51, 51, 3], 3, 80, 1),
    ("des1 2: 80 to 80 at 25", [8, 25, 25, 80], 3, 80, 1),
    ("des1 3: 80 to 80 at 12", [8, 12, 12, 80], 3, 80, 1),
    ("des2 1: 3 to 80, 4x4 at 51", [2, 51, 51, 3], 4, 80, 1),
    ("des2 2: 80 to 80, 4x4 at 51", [2, 51, 51, 80], 4, 80, 1),
    ("des2 3: 80 to 80, 4x4 at 17", [2, 17, 17, 80], 4, 80, 1),
    ("des3 1: 3 to 120, 4x4 at 51", [2, 51, 51, 3], 4, 120, 1),
    ("des3 2: 120 to 120, 4x4 at 51", [2, 51, 51, 120], 4, 120, 1),
    ("des3 3: 120 to 120, 4x4 at 17", [2, 17, 17, 120], 4, 120, 1),
    ("des4 1: 3 to 40, 6x6 by 2 at 51", [8, 51, 51, 3], 6, 40, 2),
    (
        "des4 2: 40 to 60, 6x6 by 2 at 26",
        [8, 26, 26, 40],
        6,
        60,
        2,
    ),
    ("des4 3: 60 to 80, 6x6 at 13", [8, 13, 13, 60], 6, 80, 1),
];

/// What follows a convolution or a dense layer of the DES networks, where they
/// normalise: (name, x).
pub(super) const NORMALISED: [(&str, &[usize]); 10] = [
    ("des1 and des2 at 51", &[8, 51, 51, 80]),
    ("des1 at 25", &[8, 25, 25, 80]),
    ("des1 at 12", &[8, 12, 12, 80]),
    ("des2 at 17", &[8, 17, 17, 80]),
    ("des3 at 51", &[4, 51, 51, 120]),
    ("des3 at 17", &[8, 17, 17, 120]),
    ("des4 at 26", &[8, 26, 26, 40]),
    ("des4 at 13, 60 channels", &[8, 13, 13, 60]),
    ("des4 at 13, 80 channels", &[8, 13, 13, 80]),
    ("the DES networks' dense", &[64, 51]),
];

/// Where O'TRAIN's network rectifies; the DES networks do where they normalise.
pub(super) const RECTIFIED: [(&str, &[usize]); 7] = [
    ("otrain at 32, 16 channels", &[64, 32, 32, 16]),
    ("otrain at 32, 32 channels", &[64, 32, 32, 32]),
    ("otrain at 16", &[64, 16, 16, 64]),
    ("otrain at 8, 128 channels", &[64, 8, 8, 128]),
    ("otrain at 8, 256 channels", &[64, 8, 8, 256]),
    ("otrain's first dense", &[64, 512]),
    ("otrain's second dense", &[64, 256]),
];

/// Every pooling: (name, x, window). O'TRAIN's first is of the average.
pub(super) const POOLED: [(&str, [usize; 4], usize); 10] = [
    ("des1 first layer", [8, 51, 51, 80], 2),
    ("des1 second layer", [8, 25, 25, 80], 2),
    ("des1 third layer", [8, 12, 12, 80], 2),
    ("des2 first block", [8, 51, 51, 80], 3),
    ("des2 second block", [8, 17, 17, 80], 3),
    ("des3 first block", [4, 51, 51, 120], 3),
    ("des3 second block", [8, 17, 17, 120], 3),
    ("otrain 1", [64, 32, 32, 32], 2),
    ("otrain 2", [64, 16, 16, 64], 2),
    ("otrain 3", [64, 8, 8, 256], 2),
];

/// Every dropout: (name, x, rate).
pub(super) const DROPPED: [(&str, &[usize], f64); 10] = [
    ("des1 flat", &[64, 2880], 0.3),
    ("des2 flat", &[64, 2000], 0.3),
    ("des3 flat", &[64, 3000], 0.3),
    ("des4 at 26", &[8, 26, 26, 40], 0.1),
    ("des4 at 13, 60 channels", &[8, 13, 13, 60], 0.1),
    ("des4 at 13, 80 channels", &[8, 13, 13, 80], 0.1),
    ("des4 flat", &[64, 13_520], 0.3),
    ("otrain at 16", &[64, 16, 16, 32], 0.3),
    ("otrain at 8", &[64, 8, 8, 64], 0.3),
    ("otrain's first dense", &[64, 512], 0.3),
];

/// Every dense layer, on 64 candidates: (name, inputs, outputs).
pub(super) const DENSE: [(&str, usize, usize); 8] = [
    ("otrain 1: 4096 to 512", 4096, 512),
    ("otrain 2: 512 to 256", 512, 256),
    ("otrain 3: 256 to 2", 256, 2),
    ("des1: 2880 to 51", 2880, 51),
    ("des2: 2000 to 51", 2000, 51),
    ("des3: 3000 to 51", 3000, 51),
    ("des4: 13520 to 51", 13_520, 51),
    ("the DES networks' last: 51 to 1", 51, 1),
];

/// The largest parameter of each network, which Adam moves: (name, elements).
pub(super) const PARAMETERS: [(&str, usize); 6] = [
    ("otrain dense 1", 4096 * 512),
    ("des1 dense", 2880 * 51),
    ("des2 convolution", 4 * 4 * 80 * 80),
    ("des3 convolution", 4 * 4 * 120 * 120),
    ("des4 dense", 13_520 * 51),
    ("a bias", 80),
];
