//! The bundled model's perplexity on real text against transformers'.

use std::path::Path;

use harness::checkpoint::Checkpoint;
use harness::cluster::{Cluster, InProcess};
use harness::link::Exact;

const CONTEXT: usize = 256;

/// `−Σ ln p` of the 255 shifted targets of one window.
fn negative_log_likelihood(cluster: &InProcess, window: &[u32]) -> f64 {
    let mut session = cluster.start_session(CONTEXT).unwrap();
    let (logits, _) = cluster.forward(&mut session, window, 0, &Exact).unwrap();
    let targets = &window[1..];
    logits
        .rows()
        .zip(targets)
        .map(|(row, &target)| {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let total: f64 = row.iter().map(|logit| f64::from(logit - largest).exp()).sum();
            total.ln() + f64::from(largest - row[target as usize])
        })
        .sum()
}

/// Perplexity of the first `windows` windows of the validation text; `None` without the text.
fn perplexity(shares: &[f64], windows: usize) -> Option<(f64, usize)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/wikitext-2/valid.txt");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: there is no {}", path.display());
        return None;
    };
    let checkpoint = Checkpoint::bundled().unwrap();
    let tokens = checkpoint.tokenizer().encode_with_bos(&text).unwrap();
    assert_eq!(tokens.len(), 306_219);
    let cluster = InProcess::load(&checkpoint, shares).unwrap();
    let windows: Vec<_> = tokens.chunks_exact(CONTEXT).take(windows).collect();
    let half = windows.len().div_ceil(2);
    let total: f64 = std::thread::scope(|scope| {
        let sum = |part: &[&[u32]]| {
            part.iter().map(|window| negative_log_likelihood(&cluster, window)).sum::<f64>()
        };
        let threads: Vec<_> = windows.chunks(half).map(|part| scope.spawn(move || sum(part))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    Some(((total / (windows.len() * (CONTEXT - 1)) as f64).exp(), windows.len()))
}

/// Expected value: `python harness/tests/make_bundle.py --measure --windows 40`, line `f16`.
#[test]
fn forty_windows_equal_transformers() {
    let expected = 29.594418;
    for shares in [&[1.0][..], &[0.4, 0.0, 0.35, 0.25]] {
        if let Some((found, _)) = perplexity(shares, 40) {
            assert!((found / expected - 1.0).abs() < 1e-5, "{shares:?}: {found}");
        }
    }
}

/// Expected value: the same command without `--windows`. Run with `cargo test --release -- --ignored --nocapture`.
#[test]
#[ignore = "takes a minute"]
fn the_whole_validation_text_equals_transformers() {
    for devices in [1, 8] {
        let start = std::time::Instant::now();
        if let Some((found, windows)) = perplexity(&vec![1.0 / devices as f64; devices], usize::MAX) {
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "{devices} devices: perplexity {found:.6}, {windows} windows, {seconds:.1} s on two threads"
            );
            assert!((found / 37.1334 - 1.0).abs() < 1e-5, "{found}");
        }
    }
}

/// Prints what one window and one decoded token take. `cargo test --release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn time_of_a_window_and_of_a_token() {
    let checkpoint = Checkpoint::bundled().unwrap();
    let tokens: Vec<u32> = (0..CONTEXT as u32).map(|i| i * 37 % 4096).collect();
    for devices in [1, 8] {
        let cluster = InProcess::load(&checkpoint, &vec![1.0 / devices as f64; devices]).unwrap();
        let milliseconds = |work: &mut dyn FnMut()| {
            let mut times: Vec<_> = (0..15)
                .map(|_| {
                    let start = std::time::Instant::now();
                    work();
                    start.elapsed().as_secs_f64() * 1e3
                })
                .collect();
            times.sort_by(f64::total_cmp);
            times[7]
        };
        let window = milliseconds(&mut || {
            negative_log_likelihood(&cluster, &tokens);
        });
        let mut session = cluster.start_session(CONTEXT).unwrap();
        let token = milliseconds(&mut || {
            cluster.forward(&mut session, &tokens[..1], 0, &Exact).unwrap();
        });
        println!("{devices} devices: {window:.1} ms per window, {token:.3} ms per decoded token (medians)");
    }
}
