//! The model against transformers, against itself cut into shards, and against itself token by token.

mod common;

use common::{TINY, prefill, reference, relative_error, tiny};
use harness::checkpoint::Checkpoint;
use harness::cluster::{Cluster, ClusterError, InProcess};
use harness::link::{Activations, Exact, Link, LinkError, Reduction, Round, Transmission};
use harness::llama::LlamaError;
use proptest::prelude::*;

/// What `f32` sums in another order may differ by, as a fraction of the largest logit.
const TOLERANCE: f32 = 1e-4;

fn load(checkpoint: &Checkpoint, shares: &[f64]) -> InProcess {
    InProcess::load(checkpoint, shares).unwrap()
}

#[test]
fn one_device_computes_what_transformers_computes() {
    let check = |name: &str, checkpoint: &Checkpoint| {
        let reference = reference(name);
        let error = relative_error(&prefill(&load(checkpoint, &[1.0]), &reference.tokens), &reference.logits);
        println!("{name}: relative error {error:.1e}");
        assert!(error < TOLERANCE, "{name}: {error}");
    };
    for name in TINY {
        check(name, &tiny(name));
    }
    check("bundled", &Checkpoint::bundled().unwrap());
}

#[test]
fn any_shares_compute_the_same() {
    let splits: [&[f64]; 9] = [
        &[0.5, 0.5],
        &[0.9, 0.1],
        &[0.0, 1.0],
        &[0.2, 0.3, 0.5],
        &[0.5, 0.0, 0.5],
        &[0.25; 4],
        &[0.1, 0.2, 0.3, 0.4],
        &[0.125; 8],
        &[0.3, 0.05, 0.0, 0.15, 0.2, 0.1, 0.12, 0.08],
    ];
    let check = |name: &str, checkpoint: &Checkpoint| {
        let reference = reference(name);
        let single = prefill(&load(checkpoint, &[1.0]), &reference.tokens);
        for shares in splits {
            let error = relative_error(&prefill(&load(checkpoint, shares), &reference.tokens), &single);
            assert!(error < TOLERANCE, "{name} {shares:?}: {error}");
        }
    };
    for name in TINY {
        check(name, &tiny(name));
    }
    check("bundled", &Checkpoint::bundled().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Random shares and random cuts of the sequence into forward passes.
    #[test]
    fn shares_and_steps_do_not_matter(
        name in prop::sample::select(TINY.to_vec()),
        raw in prop::collection::vec(prop_oneof![1 => Just(0.0), 3 => 0.01..1.0_f64], 1..9),
        steps in prop::collection::vec(1..12_usize, 1..12),
    ) {
        let total: f64 = raw.iter().sum();
        prop_assume!(total > 0.0);
        let shares: Vec<f64> = raw.iter().map(|share| share / total).collect();
        let reference = reference(name);
        let cluster = load(&tiny(name), &shares);
        let mut session = cluster.start_session(reference.tokens.len()).unwrap();
        let mut logits = Vec::new();
        let mut rest = reference.tokens.as_slice();
        for step in steps.into_iter().chain([reference.tokens.len()]) {
            let (head, tail) = rest.split_at(step.min(rest.len()));
            if !head.is_empty() {
                logits.extend(cluster.forward(&mut session, head, 0, &Exact).unwrap().0.values);
            }
            rest = tail;
        }
        let error = relative_error(&logits, &reference.logits);
        prop_assert!(error < TOLERANCE, "{name} {shares:?}: {error}");
    }
}

#[test]
fn decoding_token_by_token_equals_prefill() {
    for checkpoint in TINY.map(tiny).into_iter().chain([Checkpoint::bundled().unwrap()]) {
        let cluster = load(&checkpoint, &[0.6, 0.4]);
        let tokens: Vec<u32> = (0..30).map(|i| i * 7 % 61).collect();
        let expected = prefill(&cluster, &tokens);
        let mut session = cluster.start_session(64).unwrap();
        for _ in 0..2 {
            let mut found = Vec::new();
            for (position, token) in tokens.iter().enumerate() {
                assert_eq!(session.position(), position);
                let (logits, _) = cluster.forward(&mut session, &[*token], 0, &Exact).unwrap();
                found.extend(logits.values);
            }
            assert!(relative_error(&found, &expected) < TOLERANCE);
            session.restart();
        }
    }
}

#[test]
fn sessions_in_parallel_threads_do_not_disturb_each_other() {
    let cluster = load(&tiny("grouped"), &[0.5, 0.5]);
    let sequences: Vec<Vec<u32>> =
        (0..8).map(|s| (0..20).map(|i| (s * 31 + i * 13) % 96).collect()).collect();
    let alone: Vec<_> = sequences.iter().map(|tokens| prefill(&cluster, tokens)).collect();
    let together: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            sequences.iter().map(|tokens| scope.spawn(|| prefill(&cluster, tokens))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(alone, together);
}

#[test]
fn loads_add_up_to_the_whole_model() {
    let checkpoint = Checkpoint::bundled().unwrap();
    let whole = load(&checkpoint, &[1.0]).loads();
    assert_eq!(whole.server.parameters + whole.devices[0].parameters, 4_458_752);
    let parts = load(&checkpoint, &[0.2, 0.3, 0.0, 0.5]).loads();
    assert_eq!(parts.server, whole.server);
    assert_eq!(parts.devices.iter().copied().sum::<harness::llama::DeviceLoad>(), whole.devices[0]);
    assert_eq!(parts.devices[2], harness::llama::DeviceLoad::default());
    assert_eq!(whole.devices[0].flops_per_token, 2 * whole.devices[0].parameters);
}

/// Counts rounds and fails on request.
struct Probe {
    rounds: std::sync::Mutex<Vec<Round>>,
    behave: fn(&[Activations]) -> Result<Reduction, LinkError>,
}

impl Probe {
    fn new(behave: fn(&[Activations]) -> Result<Reduction, LinkError>) -> Self {
        Self { rounds: Vec::new().into(), behave }
    }
}

impl Link for Probe {
    fn all_reduce(&self, round: Round, partials: &[Activations]) -> Result<Reduction, LinkError> {
        self.rounds.lock().unwrap().push(round);
        (self.behave)(partials)
    }
}

fn sum(partials: &[Activations]) -> Result<Reduction, LinkError> {
    let mut reduction = Exact.all_reduce(Round { sequence: 0, position: 0, step: 0 }, partials)?;
    reduction.transmission.seconds = 0.5;
    Ok(reduction)
}

#[test]
fn rounds_are_numbered_and_costs_add_up() {
    let cluster = load(&tiny("grouped"), &[0.5, 0.3, 0.2]);
    let link = Probe::new(sum);
    let mut session = cluster.start_session(8).unwrap();
    cluster.forward(&mut session, &[1, 2, 3], 9, &link).unwrap();
    let (_, transmission) = cluster.forward(&mut session, &[4, 5], 9, &link).unwrap();
    assert_eq!((transmission.seconds, transmission.tokens), (2.0, 8));
    let round = |position, step| Round { sequence: 9, position, step };
    let expected: Vec<_> = [0, 3].into_iter().flat_map(|p| (0..4).map(move |s| round(p, s))).collect();
    assert_eq!(*link.rounds.lock().unwrap(), expected);
}

#[test]
fn one_device_uses_no_link() {
    let cluster = load(&tiny("grouped"), &[1.0]);
    let link = Probe::new(|_| Err(LinkError::NoDevices));
    let mut session = cluster.start_session(8).unwrap();
    let (_, transmission) = cluster.forward(&mut session, &[1, 2], 0, &link).unwrap();
    assert_eq!(transmission, Transmission::default());
    assert!(link.rounds.lock().unwrap().is_empty());
}

#[test]
fn misuse_is_reported_and_leaves_the_session_usable() {
    let cluster = load(&tiny("grouped"), &[0.5, 0.5]);
    assert!(matches!(cluster.start_session(0), Err(ClusterError::Capacity { requested: 0, limit: 64 })));
    assert!(matches!(cluster.start_session(65), Err(ClusterError::Capacity { requested: 65, limit: 64 })));
    assert!(matches!(InProcess::load(&tiny("grouped"), &[0.5]), Err(ClusterError::Shard(_))));

    let mut session = cluster.start_session(4).unwrap();
    let first = cluster.forward(&mut session, &[1, 2], 0, &Exact).unwrap().0;
    let mut forward = |tokens: &[u32], link: &dyn Link| cluster.forward(&mut session, tokens, 0, link);

    assert!(matches!(forward(&[], &Exact), Err(ClusterError::NoTokens)));
    assert!(matches!(
        forward(&[3, 96], &Exact),
        Err(ClusterError::Llama(LlamaError::UnknownToken { index: 1, token: 96, vocabulary: 96 }))
    ));
    assert!(matches!(
        forward(&[1, 1, 1], &Exact),
        Err(ClusterError::Llama(LlamaError::CapacityExceeded { capacity: 4, position: 2, tokens: 3 }))
    ));
    let fails = Probe::new(|_| Err(LinkError::NoDevices));
    assert!(matches!(
        forward(&[3, 4], &fails),
        Err(ClusterError::Link { round: Round { position: 2, step: 0, .. }, source: LinkError::NoDevices })
    ));
    let short = Probe::new(|partials| {
        let mut reduction = sum(partials)?;
        reduction.sum.values.pop();
        Ok(reduction)
    });
    assert!(matches!(forward(&[3, 4], &short), Err(ClusterError::ReductionShape { found: 63, .. })));
    let poison = Probe::new(|partials| {
        let mut reduction = sum(partials)?;
        reduction.sum.values[40] = f32::NAN;
        Ok(reduction)
    });
    assert!(matches!(forward(&[3, 4], &poison), Err(ClusterError::NonFiniteReduction { index: 40, .. })));

    let huge = Probe::new(|partials| {
        let mut sum = partials[0].clone();
        sum.values.fill(f32::MAX);
        Ok(Reduction { sum, transmission: Transmission::default() })
    });
    assert!(matches!(forward(&[3, 4], &huge), Err(ClusterError::NonFiniteLogits { position: 2 })));

    let second = forward(&[3, 4], &Exact).unwrap().0;
    let expected = prefill(&cluster, &[1, 2, 3, 4]);
    assert!(relative_error(&[first.values, second.values].concat(), &expected) < TOLERANCE);

    let other = load(&tiny("grouped"), &[0.5, 0.5]);
    assert!(matches!(other.forward(&mut session, &[1], 0, &Exact), Err(ClusterError::ForeignSession)));
}
