//! What each command's help ends with.

/// Examples of each command: what it is for, and what to type.
pub const EXAMPLES: [(&str, &[(&str, &str)]); 21] = [
    (
        "train",
        &[
            (
                "Train on a folder of FITS cutouts in true/ and false/",
                "rbgpu train cutouts/ --out rb.safetensors",
            ),
            (
                "Continue a run that was stopped",
                "rbgpu train cutouts/ --out rb.safetensors --resume",
            ),
            (
                "Fine-tune a model on repaired labels",
                "rbgpu train cutouts/ --labels labels.csv --from rb.safetensors --learning-rate 1e-4",
            ),
        ],
    ),
    (
        "study",
        &[
            (
                "How many labels does a network need?",
                "rbgpu study size cutouts/ --sizes 500,1000,2000 --out sizes/",
            ),
            (
                "Which images help?",
                "rbgpu study channels triplets.npz --network des1 --out images/",
            ),
        ],
    ),
    (
        "forest",
        &[
            (
                "Train the baseline on a table of features",
                "rbgpu forest train features.csv --out forest.safetensors",
            ),
            (
                "Score with it",
                "rbgpu forest score forest.safetensors features.csv --out forest.csv",
            ),
        ],
    ),
    (
        "score",
        &[
            (
                "Score a night of FITS cutouts",
                "rbgpu score rb.safetensors tonight/ --out scores.csv",
            ),
            (
                "Score alert packets as a stream",
                "rbgpu score rb.safetensors night.tar.gz --out scores.parquet",
            ),
            (
                "Score the files of a list",
                "find tonight/ -name '*.fits' | rbgpu score rb.safetensors --files-from -",
            ),
        ],
    ),
    (
        "explain",
        &[
            (
                "Explain a sample of both classes",
                "rbgpu explain rb.safetensors cutouts/ --out why/",
            ),
            (
                "Explain one candidate",
                "rbgpu explain rb.safetensors night/ --id 2459571234 --method grad-cam --out why/",
            ),
        ],
    ),
    (
        "features",
        &[
            (
                "Measure features for the forest",
                "rbgpu features cutouts/ --out features.csv",
            ),
            (
                "Measure alerts that have no labels",
                "rbgpu features night.tar.gz --out night.csv",
            ),
        ],
    ),
    (
        "evaluate",
        &[
            (
                "Evaluate a model on the candidates it was not trained on",
                "rbgpu evaluate rb.safetensors cutouts/ --out report/",
            ),
            (
                "Compare a network with a forest",
                "rbgpu evaluate rb.safetensors forest=forest.csv cutouts/ --out report/",
            ),
            (
                "Store the threshold that keeps the FPR at 1%",
                "rbgpu evaluate rb.safetensors cutouts/ --set-threshold fpr=0.01 --part validation --out report/",
            ),
        ],
    ),
    (
        "calibrate",
        &[
            (
                "Calibrate scores on the validation part",
                "rbgpu calibrate rb.safetensors cutouts/ --out calibrated.safetensors",
            ),
            (
                "Allow any monotonic map",
                "rbgpu calibrate rb.safetensors cutouts/ --method isotonic --out calibrated.safetensors",
            ),
        ],
    ),
    (
        "suspect",
        &[
            (
                "Rank labels by cross-validation",
                "rbgpu suspect cutouts/ --out suspects.csv",
            ),
            (
                "Rank labels by scores that exist",
                "rbgpu suspect cutouts/ --model rb.safetensors --rule category --out suspects.csv",
            ),
        ],
    ),
    (
        "relabel",
        &[
            (
                "Inspect suspects in the browser",
                "rbgpu relabel suspects.csv cutouts/ --open",
            ),
            (
                "Write the decisions as a label file",
                "rbgpu relabel --apply suspects.csv cutouts/ --out labels.csv",
            ),
            (
                "Collect votes that no label or score biases",
                "rbgpu relabel --vote cutouts/ --listen 0.0.0.0",
            ),
        ],
    ),
    (
        "votes",
        &[
            (
                "Turn votes into labels",
                "rbgpu votes anna.jsonl ben.jsonl carol.jsonl --out labels.csv",
            ),
            (
                "Ask whether a model doubts what people dispute",
                "rbgpu votes votes.csv --data cutouts/ --scores rb.safetensors",
            ),
        ],
    ),
    (
        "pack",
        &[
            (
                "Pack a folder of cutouts into O'TRAIN's cube",
                "rbgpu pack cutouts/ --out cube.npz",
            ),
            (
                "Label a pipeline's candidates by injected sources",
                "rbgpu pack night/ --truth injected.csv --radius 1.5 --out cube.npz",
            ),
        ],
    ),
    (
        "simulate",
        &[
            (
                "Simulate a labelled survey",
                "rbgpu simulate --count 20000 --out survey.npz",
            ),
            (
                "Inject sources into images of your own",
                "rbgpu simulate --into night/*.fits --number 200 --magnitudes 14..21 --out injected/",
            ),
        ],
    ),
    (
        "reproduce",
        &[
            (
                "Repeat the DES paper in minutes, with smaller networks",
                "rbgpu reproduce des --quick --out des-quick/",
            ),
            (
                "Repeat O'TRAIN's experiments on a cube of your own",
                "rbgpu reproduce otrain --data mine=cube.npz --out mine/",
            ),
        ],
    ),
    (
        "import",
        &[
            (
                "Import ZTF's braai",
                "rbgpu import d6_m7.h5 --preprocess braai-d6m7 --out drb.safetensors",
            ),
            (
                "Import PyTorch weights with a description of the layers",
                "rbgpu import weights.pth --network mine.toml --input 63,63,3 --out mine.safetensors",
            ),
        ],
    ),
    (
        "export",
        &[
            (
                "Export to ONNX, normalisation included",
                "rbgpu export rb.safetensors --with-normalisation --out rb.onnx",
            ),
            (
                "Export to Keras 3",
                "rbgpu export rb.safetensors --out rb.keras",
            ),
        ],
    ),
    (
        "summary",
        &[
            (
                "Print a published network",
                "rbgpu summary otrain --input 32,32,1",
            ),
            ("Print a model", "rbgpu summary rb.safetensors"),
        ],
    ),
    (
        "bench",
        &[
            ("Measure every network", "rbgpu bench"),
            (
                "Measure one network on one device",
                "rbgpu bench --network des1 --batch-size 64 --device cpu --json",
            ),
        ],
    ),
    (
        "devices",
        &[
            ("List devices", "rbgpu devices"),
            ("List them for a script", "rbgpu devices --json"),
        ],
    ),
    (
        "completions",
        &[
            (
                "Complete rbgpu's arguments in bash",
                "rbgpu completions bash > ~/.local/share/bash-completion/completions/rbgpu",
            ),
            (
                "Complete them in zsh",
                "rbgpu completions zsh > ~/.zfunc/_rbgpu",
            ),
        ],
    ),
    (
        "man",
        &[
            (
                "Install the man pages for this user",
                "rbgpu man --out ~/.local/share/man/man1",
            ),
            (
                "Read one without installing it",
                "rbgpu man --out man && man man/rbgpu-train.1",
            ),
        ],
    ),
];
