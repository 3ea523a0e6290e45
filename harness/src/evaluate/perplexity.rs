//! Perplexity (23) of a text on a cluster, over a link.

use super::error::EvaluateError;
use super::protocol::Window;
use crate::cluster::{Cluster, ClusterError};
use crate::link::{Link, Transmission};
use rayon::prelude::*;

/// What was measured over a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// `exp(mean negative log-likelihood per scored token)`.
    pub perplexity: f64,
    /// Its standard error over the windows (delta method); none for a single window.
    pub standard_error: Option<f64>,
    /// Tokens run through the model.
    pub tokens: u64,
    /// Tokens scored.
    pub scored: u64,
    /// All all-reduces of all windows.
    pub transmission: Transmission,
}

/// Runs every window on `cluster` over `link`. Windows run in parallel on the current rayon pool; window `i` is sequence `i` of
/// the link, so the result does not depend on the number of threads. `done` is told of every finished window.
///
/// # Errors
/// [`EvaluateError::Window`] for a window outside the text, or one that scores what it does not run;
/// [`EvaluateError::Perplexity`] if it overflows; [`EvaluateError::Cluster`] for tokens the model does not know, windows it cannot hold, or a failing link;
/// [`EvaluateError::NothingScored`] if no window scores a token.
pub fn measure<C: Cluster>(
    cluster: &C,
    link: &dyn Link,
    tokens: &[u32],
    windows: &[Window],
    done: &(dyn Fn() + Sync),
) -> Result<Measurement, EvaluateError> {
    let usable = |window: &Window| {
        let (run, scored) = (&window.tokens, &window.scored);
        run.end <= tokens.len()
            && run.start < scored.start
            && scored.start <= scored.end
            && scored.end <= run.end
    };
    if let Some(index) = windows.iter().position(|window| !usable(window)) {
        return Err(EvaluateError::Window { index, window: windows[index].clone(), tokens: tokens.len() });
    }
    let scores = windows
        .par_iter()
        .enumerate()
        .map(|(sequence, window)| {
            let score = score(cluster, link, tokens, window, sequence as u64)?;
            done();
            Ok(score)
        })
        .collect::<Result<Vec<Score>, ClusterError>>()?;

    let mut transmission = Transmission::default();
    let (mut nll, mut scored, mut run) = (0.0, 0, 0);
    for (score, window) in scores.iter().zip(windows) {
        transmission += score.transmission;
        nll += score.negative_log_likelihood;
        scored += window.scored.len() as u64;
        run += window.tokens.len() as u64;
    }
    if scored == 0 {
        return Err(EvaluateError::NothingScored { windows: windows.len() });
    }
    let mean = nll / scored as f64;
    let perplexity = mean.exp();
    if !perplexity.is_finite() {
        return Err(EvaluateError::Perplexity { mean });
    }
    let standard_error = (scores.len() > 1).then(|| {
        let count = scores.len() as f64;
        let per_window = scored as f64 / count;
        let squares: f64 = scores
            .iter()
            .zip(windows)
            .map(|(score, window)| {
                ((score.negative_log_likelihood - mean * window.scored.len() as f64) / per_window).powi(2)
            })
            .sum();
        perplexity * (squares / (count * (count - 1.0))).sqrt()
    });
    Ok(Measurement { perplexity, standard_error, tokens: run, scored, transmission })
}

struct Score {
    negative_log_likelihood: f64,
    transmission: Transmission,
}

fn score<C: Cluster>(
    cluster: &C,
    link: &dyn Link,
    tokens: &[u32],
    window: &Window,
    sequence: u64,
) -> Result<Score, ClusterError> {
    let run = &tokens[window.tokens.clone()];
    let mut session = cluster.start_session(run.len())?;
    let (logits, transmission) = cluster.forward(&mut session, run, sequence, link)?;
    let offset = window.tokens.start;
    let rows: Vec<&[f32]> = logits.rows().collect();
    let negative_log_likelihood = window
        .scored
        .clone()
        .map(|target| negative_log_probability(rows[target - offset - 1], tokens[target] as usize))
        .sum();
    Ok(Score { negative_log_likelihood, transmission })
}

/// `−ln softmax(logits)[target]`, in double precision.
fn negative_log_probability(logits: &[f32], target: usize) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - largest).exp()).sum();
    sum.ln() - f64::from(logits[target] - largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_windows_are_typed_errors() {
        let checkpoint = crate::checkpoint::Checkpoint::bundled().unwrap();
        let cluster = crate::cluster::InProcess::load(&checkpoint, &[1.0]).unwrap();
        let tokens = [0, 5, 6, 7];
        let reversed = std::ops::Range { start: 3, end: 2 };
        for (run, scored) in [(0..5, 1..5), (0..4, 0..4), (1..3, 2..4), (0..4, reversed)] {
            let windows = [Window { tokens: 0..4, scored: 1..4 }, Window { tokens: run, scored }];
            let result = measure(&cluster, &crate::link::Exact, &tokens, &windows, &|| ());
            assert!(matches!(result, Err(EvaluateError::Window { index: 1, .. })), "{windows:?} {result:?}");
        }
        let result = measure(&cluster, &crate::link::Exact, &tokens, &[], &|| ());
        assert!(matches!(result, Err(EvaluateError::NothingScored { windows: 0 })));
    }

    #[test]
    fn log_probabilities_are_those_of_a_softmax() {
        assert!((negative_log_probability(&[0.0; 8], 3) - 8_f64.ln()).abs() < 1e-12);
        assert!(negative_log_probability(&[1e30, 0.0], 0).abs() < 1e-12);
        assert!((negative_log_probability(&[0.0, 3_f32.ln()], 0) - 4_f64.ln()).abs() < 1e-6);
    }
}
