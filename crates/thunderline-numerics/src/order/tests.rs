//! Order statistics against sorting each coordinate by itself.

use proptest::prelude::*;

use super::*;
use crate::{ArraySpec, DType, MemoryArrays};

fn statistic(dtype: DType, models: &[Vec<u8>], statistic: OrderStatistic, threads: usize) -> Result<Vec<u8>> {
    let elements = models.first().map_or(1, |model| model.len() / dtype.size());
    let schema = ModelSchema::new(vec![ArraySpec::new("w", dtype, &[elements])]).unwrap();
    let readers: Vec<_> =
        models.iter().map(|bytes| MemoryArrays::new(schema.clone(), bytes.clone()).unwrap()).collect();
    let readers: Vec<_> = readers.iter().map(|reader| reader as &dyn ArrayReader).collect();
    let mut out = Vec::new();
    order_statistic(&schema, &readers, statistic, threads, &mut |piece| {
        out.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(out)
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Sorted per coordinate, summed in ascending order, rounded once.
fn reference(models: &[Vec<f32>], statistic: OrderStatistic) -> Vec<u8> {
    let ranks = match statistic {
        OrderStatistic::Median if models.len() % 2 == 1 => models.len() / 2..models.len() / 2 + 1,
        OrderStatistic::Median => models.len() / 2 - 1..models.len() / 2 + 1,
        OrderStatistic::TrimmedMean { beta } => {
            let cut = (beta * models.len() as f64).floor() as usize;
            cut..models.len() - cut
        }
        OrderStatistic::NearMedian { .. } => 0..models.len(),
    };
    (0..models[0].len())
        .flat_map(|place| {
            let mut column: Vec<_> = models.iter().map(|values| f64::from(values[place])).collect();
            column.sort_by(f64::total_cmp);
            let mut kept = column[ranks.clone()].to_vec();
            if let OrderStatistic::NearMedian { count } = statistic {
                let median = (column[(column.len() - 1) / 2] + column[column.len() / 2]) / 2.0;
                kept.sort_by(|one, other| (one - median).abs().total_cmp(&(other - median).abs()));
                kept.truncate(count);
                kept.sort_by(f64::total_cmp);
            }
            ((kept.iter().sum::<f64>() / kept.len() as f64) as f32).to_le_bytes()
        })
        .collect()
}

fn models() -> impl Strategy<Value = Vec<Vec<f32>>> {
    (1usize..24, 1usize..150).prop_flat_map(|(clients, length)| {
        // Some values repeat, so that ties occur.
        let value = prop_oneof![-1e4f32..1e4, (-3i8..3).prop_map(f32::from)];
        proptest::collection::vec(proptest::collection::vec(value, length), clients)
    })
}

fn statistics() -> impl Strategy<Value = OrderStatistic> {
    prop_oneof![
        Just(OrderStatistic::Median),
        (0f64..0.499).prop_map(|beta| OrderStatistic::TrimmedMean { beta })
    ]
}

proptest! {
    #[test]
    fn the_result_is_that_of_sorting_each_coordinate(
        models in models(), which in statistics(), threads in 1usize..4
    ) {
        let encoded: Vec<_> = models.iter().map(|values| bytes(values)).collect();
        let got = statistic(DType::F32, &encoded, which, threads).unwrap();
        prop_assert_eq!(got, reference(&models, which));
    }

    #[test]
    fn the_values_nearest_the_median_are_those_of_sorting_by_distance(
        models in models(), share in 0f64..1.0, threads in 1usize..4
    ) {
        let which = OrderStatistic::NearMedian { count: 1 + (share * models.len() as f64) as usize };
        let encoded: Vec<_> = models.iter().map(|values| bytes(values)).collect();
        let got = statistic(DType::F32, &encoded, which, threads).unwrap();
        prop_assert_eq!(got, reference(&models, which));
    }

    #[test]
    fn the_order_of_the_updates_changes_nothing(models in models(), which in statistics(), turn in 0usize..24) {
        let mut encoded: Vec<_> = models.iter().map(|values| bytes(values)).collect();
        let one = statistic(DType::F32, &encoded, which, 1).unwrap();
        let turn = turn % encoded.len();
        encoded.rotate_left(turn);
        encoded.reverse();
        prop_assert_eq!(statistic(DType::F32, &encoded, which, 1).unwrap(), one);
    }
}

#[test]
fn one_client_is_its_own_median_in_every_type() {
    for dtype in DType::ALL {
        let model: Vec<u8> = match dtype {
            DType::Bool => vec![0, 1, 1],
            _ => (0..3)
                .flat_map(|value| (0..dtype.size()).map(move |byte| u8::from(byte == 0) * value))
                .collect(),
        };
        let got = statistic(dtype, std::slice::from_ref(&model), OrderStatistic::Median, 1).unwrap();
        assert_eq!(got, model, "{dtype}");
    }
}

#[test]
fn a_minority_cannot_move_the_median_beyond_what_the_others_say() {
    let honest = [vec![1.0, 2.0], vec![1.5, 2.5], vec![1.25, 2.25]];
    let liars = [vec![3e38, -3e38], vec![3e38, -3e38]];
    let all: Vec<_> = honest.iter().chain(&liars).map(|values| bytes(values)).collect();
    for which in [OrderStatistic::Median, OrderStatistic::TrimmedMean { beta: 0.4 }] {
        assert_eq!(statistic(DType::F32, &all, which, 1).unwrap(), bytes(&[1.5, 2.0]));
    }
}

#[test]
fn integers_keep_their_type_and_negative_zeros_do_not_count() {
    let small = [vec![1, 250], vec![2, 251]];
    assert_eq!(statistic(DType::U8, &small, OrderStatistic::Median, 1).unwrap(), [2, 250]);
    for order in [[-0.0, 0.0], [0.0, -0.0]] {
        let zeros = order.map(|value| bytes(&[value]));
        assert_eq!(statistic(DType::F32, &zeros, OrderStatistic::Median, 1).unwrap(), bytes(&[0.0]));
    }
}

#[test]
fn tiles_grow_shorter_with_the_number_of_clients_and_change_nothing() {
    for (clients, threads) in [(1, 1), (10, 2), (100, 4), (5000, 4), (1_000_000, 1)] {
        let longest = longest_tile(clients, threads);
        assert!((1..=TILE_ELEMENTS).contains(&longest));
        assert!(longest * clients * threads * 8 <= GATHER_BYTES, "{clients} clients");
    }
    let models: Vec<Vec<f32>> = (0..300)
        .map(|client: u32| (0..9000u32).map(|place| ((client * 7919 + place * 31) % 1009) as f32).collect())
        .collect();
    let encoded: Vec<_> = models.iter().map(|values| bytes(values)).collect();
    let which = OrderStatistic::TrimmedMean { beta: 0.2 };
    let single = statistic(DType::F32, &encoded, which, 1).unwrap();
    assert!(single == statistic(DType::F32, &encoded, which, 3).unwrap());
    assert!(single == reference(&models, which));
}

#[test]
fn a_trim_that_leaves_nothing_and_a_round_without_updates_are_refused() {
    for beta in [0.5, -0.1, f64::NAN] {
        let error =
            statistic(DType::F32, &[bytes(&[1.0])], OrderStatistic::TrimmedMean { beta }, 1).unwrap_err();
        assert_eq!(error.code(), "invalid");
    }
    assert_eq!(statistic(DType::F32, &[], OrderStatistic::Median, 1).unwrap_err().code(), "invalid");
}
