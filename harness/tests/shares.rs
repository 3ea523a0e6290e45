//! How shares become whole heads and columns.

use harness::checkpoint::LlamaConfig;
use harness::shard::{ShardError, apportion, shards};
use proptest::prelude::*;

fn config(heads: usize, kv_heads: usize, columns: usize) -> LlamaConfig {
    let json = format!(
        r#"{{"hidden_size": 64, "intermediate_size": {columns}, "num_hidden_layers": 1, "vocab_size": 10,
            "num_attention_heads": {heads}, "num_key_value_heads": {kv_heads}, "head_dim": 8}}"#
    );
    LlamaConfig::from_json(json.as_bytes()).unwrap()
}

/// Shares that sum to one, some of them zero.
fn shares() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![1 => Just(0.0), 4 => 1e-6..1.0_f64], 1..130)
        .prop_filter("a positive share", |raw| raw.iter().any(|&share| share > 0.0))
        .prop_map(|raw| {
            let sum: f64 = raw.iter().sum();
            raw.into_iter().map(|share| share / sum).collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_whole_complete_and_near_their_quotas(shares in shares(), total in 0..20_000_usize) {
        let counts = apportion(&shares, total).unwrap();
        prop_assert_eq!(counts.iter().sum::<usize>(), total);
        for (count, share) in counts.iter().zip(&shares) {
            let quota = share * total as f64;
            prop_assert!((*count as f64 - quota).abs() < 1.0 + 1e-9 * quota, "{} for {}", count, quota);
            prop_assert!(*share > 0.0 || *count == 0, "a device without a share got {}", count);
        }
    }

    #[test]
    fn shards_tile_heads_and_columns(
        shares in shares(),
        kv_heads in 1..40_usize,
        group in 1..5_usize,
        columns in 1..300_usize,
    ) {
        let shards = shards(&config(kv_heads * group, kv_heads, columns), &shares).unwrap();
        prop_assert_eq!(shards.len(), shares.len());
        let (mut head, mut query, mut column) = (0, 0, 0);
        for shard in shards {
            let queries = shard.query_heads(group);
            prop_assert_eq!((shard.kv_heads.start, queries.start, shard.mlp_columns.start), (head, query, column));
            prop_assert_eq!(queries.len(), shard.kv_heads.len() * group);
            (head, query, column) = (shard.kv_heads.end, queries.end, shard.mlp_columns.end);
        }
        prop_assert_eq!((head, query, column), (kv_heads, kv_heads * group, columns));
    }

    /// No share vector makes it panic; what is accepted is complete.
    #[test]
    fn anything_is_answered(shares in prop::collection::vec(any::<f64>(), 0..6), total in 0..100_usize) {
        if let Ok(counts) = apportion(&shares, total) {
            prop_assert_eq!(counts.iter().sum::<usize>(), total);
        }
    }
}

#[test]
fn ties_go_to_the_lowest_index() {
    assert_eq!(apportion(&[0.25; 4], 6).unwrap(), [2, 2, 1, 1]);
    assert_eq!(apportion(&[0.125; 8], 8).unwrap(), [1; 8]);
    assert_eq!(apportion(&[0.5, 0.3, 0.2], 8).unwrap(), [4, 2, 2]);
    assert_eq!(apportion(&[0.0, 1.0, 0.0], 8).unwrap(), [0, 8, 0]);
    assert_eq!(apportion(&[1.0 / 128.0; 128], 8).unwrap()[..9], [1, 1, 1, 1, 1, 1, 1, 1, 0]);
}

#[test]
fn what_is_not_a_share_is_refused() {
    let refused = |shares: &[f64]| apportion(shares, 8).unwrap_err();
    assert_eq!(refused(&[]), ShardError::NoDevices);
    assert_eq!(refused(&[1.1, -0.1]), ShardError::InvalidShare { device: 1, share: -0.1 });
    assert!(matches!(refused(&[0.5, f64::NAN]), ShardError::InvalidShare { device: 1, .. }));
    assert!(matches!(refused(&[f64::INFINITY]), ShardError::InvalidShare { device: 0, .. }));
    assert_eq!(refused(&[0.0, 0.0]), ShardError::Sum { sum: 0.0 });
    assert!(matches!(refused(&[0.5, 0.500_002]), ShardError::Sum { .. }));
    assert!(matches!(refused(&[f64::MAX, f64::MAX]), ShardError::Sum { .. }));
    assert!(apportion(&[0.5, 0.500_000_9], 8).is_ok());
}
