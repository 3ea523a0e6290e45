//! The whole chain on the bundled model and text: what the links do to perplexity, error, latency, and what does not matter.

use harness::configuration::{
    AssignmentKind, Configuration, LinkKind, PowerAccounting, TextSource, TransceiverKind,
};
use harness::evaluate::{EvaluateError, run};
use harness::report::{Evaluation, Row, Silent};
use solver::assignment::AssignmentError;

fn small() -> Configuration {
    Configuration { windows: Some(3), context: 128, assignment_iterations: 5, ..Configuration::default() }
}

fn evaluate(configuration: &Configuration) -> Evaluation {
    run(configuration, &Silent).unwrap()
}

fn row(evaluation: &Evaluation, link: LinkKind, devices: usize) -> &Row {
    evaluation.rows.iter().find(|row| row.link == link && row.devices == devices).unwrap()
}

#[test]
fn links_behave_as_the_paper_says() {
    let evaluation = evaluate(&small());
    assert_eq!(evaluation.rows.len(), 16);
    let exact = row(&evaluation, LinkKind::Exact, 1);
    for devices in [2, 4, 8] {
        let of = |link| row(&evaluation, link, devices);
        // However the model is cut, the exact link gives the same perplexity.
        assert!((of(LinkKind::Exact).perplexity / exact.perplexity - 1.0).abs() < 1e-4);
        assert_eq!((of(LinkKind::Exact).mse, of(LinkKind::Exact).nmse), (0.0, 0.0));
        // Digital at 8 bits is within 1 % of exact.
        let digital = of(LinkKind::Digital);
        assert!((digital.perplexity / exact.perplexity - 1.0).abs() < 0.01, "{digital:?}");
        // Over the air beats uncoded FDMA in error, and every other link in time. (Perplexities of so short a text are
        // noise: `.ci/run` compares them on the whole text.)
        let (air, fdma) = (of(LinkKind::Air), of(LinkKind::Fdma));
        assert!(air.mse < fdma.mse && air.nmse < 0.9 * fdma.nmse, "{air:?} {fdma:?}");
        assert!(air.ms_per_token < fdma.ms_per_token && air.ms_per_token < digital.ms_per_token);
        assert!(digital.mse < 0.01 * air.mse);
    }
    // With one device nothing is transmitted.
    for link in [LinkKind::Air, LinkKind::Digital, LinkKind::Fdma] {
        let alone = row(&evaluation, link, 1);
        assert_eq!((alone.mse, alone.communication_ms_per_token), (0.0, 0.0));
        assert_eq!(alone.perplexity, exact.perplexity);
    }
    // Uncoded FDMA's error grows about linearly in N.
    let fdma = |devices| row(&evaluation, LinkKind::Fdma, devices).mse;
    assert!((fdma(8) / fdma(2) / 4.0 - 1.0).abs() < 0.25, "{} {}", fdma(2), fdma(8));
    // The refined transceivers are near the bound that holds for all, the papers' pipeline far from it.
    let studies = &evaluation.transceivers;
    assert_eq!(studies.iter().map(|study| study.devices).collect::<Vec<_>>(), [2, 4, 8]);
    for study in studies {
        let (bound, refined, paper) = (study.bound.unwrap().mean, study.refined.mean, study.paper.mean);
        assert!(bound <= refined && refined < 1.15 * bound && 1.2 * refined < paper, "{study:?}");
    }
}

#[test]
fn air_approaches_exact_as_the_snr_grows() {
    let at = |snr_db| {
        let configuration = Configuration {
            devices: vec![4],
            links: vec![LinkKind::Exact, LinkKind::Air],
            snr_db,
            ..small()
        };
        let evaluation = evaluate(&configuration);
        let air = row(&evaluation, LinkKind::Air, 4).clone();
        (air.nmse, air.perplexity / row(&evaluation, LinkKind::Exact, 4).perplexity - 1.0)
    };
    let (noisy, clear) = (at(-10.0), at(60.0));
    assert!(noisy.1 > 0.1, "{noisy:?}");
    assert!(clear.1.abs() < 1e-3 && clear.0 < 1e-6, "{clear:?}");
    // The figure: at an NMSE of 0.1 % the perplexity is within 1 %.
    let (nmse, change) = at(19.0);
    assert!((nmse / 1e-3 - 1.0).abs() < 0.25, "{nmse}");
    assert!(change.abs() < 0.01, "{change}");
}

/// Zero forcing leaves noise alone, so (7) holds whatever the signals' correlations: measured and expected error agree on
/// real activations, within the spread of tens of thousands of symbol vectors.
#[test]
fn measured_error_agrees_with_the_formula_on_real_activations() {
    let configuration = Configuration {
        devices: vec![2, 4],
        links: vec![LinkKind::Air, LinkKind::Fdma, LinkKind::Digital],
        transceiver: TransceiverKind::ZeroForcing,
        ..small()
    };
    for row in evaluate(&configuration).rows {
        let expected = row.expected_mse.unwrap();
        let tolerance = if row.link == LinkKind::Digital { 0.05 } else { 0.01 };
        assert!((row.mse / expected - 1.0).abs() < tolerance, "{row:?}");
    }
}

#[test]
fn results_depend_on_the_seed_and_not_on_the_threads() {
    let configuration = |seed, threads| Configuration {
        devices: vec![2],
        links: vec![LinkKind::Air, LinkKind::Digital],
        seed,
        threads: Some(threads),
        ..small()
    };
    let (one, two) = (evaluate(&configuration(1, 1)), evaluate(&configuration(1, 2)));
    assert_eq!(one.rows, two.rows);
    assert_eq!(one.assignment, two.assignment);
    let other = evaluate(&configuration(2, 1));
    assert_ne!(one.rows[0].mse, other.rows[0].mse);
}

/// Stochastic SCA on devices whose costs of computing are 1:2:4:8 lowers E[MSE] against uniform shares, on channels that the
/// optimization never saw.
#[test]
fn optimized_shares_lower_the_expected_error() {
    let configuration = Configuration {
        devices: vec![4],
        links: vec![LinkKind::Exact, LinkKind::Air],
        assignment: AssignmentKind::Optimized,
        energy_coefficients: vec![0.4, 0.8, 1.6, 3.2],
        assignment_iterations: 100,
        ..small()
    };
    let evaluation = evaluate(&configuration);
    let study = evaluation.assignment.as_ref().unwrap();
    assert!(study.difference.mean > 10.0 * study.difference.standard_error, "{study:?}");
    assert!(study.optimized.mean < 0.9 * study.uniform.mean, "{study:?}");
    assert!(study.optimized_shares.is_sorted_by(|a, b| a >= b), "{:?}", study.optimized_shares);
    assert_eq!(study.iterations.len(), 100);
    // Unequal shares change nothing but the transmission.
    let uniform = evaluate(&Configuration { assignment: AssignmentKind::Uniform, ..configuration });
    let exact = |evaluation: &Evaluation| row(evaluation, LinkKind::Exact, 4).perplexity;
    assert!((exact(&evaluation) / exact(&uniform) - 1.0).abs() < 1e-4);
}

#[test]
fn literal_accounting_leaves_far_less_power() {
    let configuration =
        Configuration { devices: vec![2], links: vec![LinkKind::Air], snr_db: 20.0, ..small() };
    let per_use = evaluate(&configuration).rows[0].nmse;
    let literal = Configuration { power_accounting: PowerAccounting::PerAllReduce, ..configuration };
    // 256 entries are 128 symbols in 32 channel uses: 15 dB less for each.
    let per_all_reduce = evaluate(&literal).rows[0].nmse;
    assert!((per_all_reduce / per_use / 32.0).ln().abs() < 0.5, "{per_use} {per_all_reduce}");
}

#[test]
fn unusable_runs_are_typed_errors() {
    let fails = |configuration: Configuration| run(&configuration, &Silent).unwrap_err();
    assert!(matches!(
        fails(Configuration { context: 513, ..small() }),
        EvaluateError::Context { context: 513, limit: 512 }
    ));
    let directory = tempfile::tempdir().unwrap();
    let text = |content: &[u8]| {
        let path = directory.path().join("text.txt");
        std::fs::write(&path, content).unwrap();
        Configuration { text: TextSource::File(path), ..small() }
    };
    assert!(matches!(fails(text(b" \n \t")), EvaluateError::EmptyText { .. }));
    assert!(matches!(fails(text(b"short")), EvaluateError::ShortText { context: 128, .. }));
    assert!(matches!(fails(text(b"\xff\xff")), EvaluateError::UnreadableText { .. }));
    assert!(matches!(
        fails(Configuration { seed: 1, devices: vec![], ..small() }),
        EvaluateError::Configuration(_)
    ));
    let hungry = Configuration { energy_coefficients: vec![3.0], devices: vec![2], ..small() };
    assert!(matches!(fails(hungry.clone()), EvaluateError::Assignment(_)));
    // Together the devices can afford the model, in equal shares they cannot: an error, unless better shares are asked for.
    let uneven = Configuration { energy_coefficients: vec![0.1, 4.0], minimum_share: 0.0, ..hungry };
    assert!(matches!(
        fails(uneven.clone()),
        EvaluateError::Assignment(AssignmentError::ShortTerm(solver::Error::NoPowerLeft { device: 1, .. }))
    ));
    let optimized =
        Configuration { assignment: AssignmentKind::Optimized, links: vec![LinkKind::Air], ..uneven.clone() };
    assert_eq!(evaluate(&optimized).assignment, None);
    // Where nothing is transmitted, power does not matter.
    let exact = Configuration { links: vec![LinkKind::Exact], ..uneven };
    assert_eq!(evaluate(&exact).assignment, None);
}
