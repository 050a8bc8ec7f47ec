//! Two at a time: what a link to a distant server needs to be used well, and what memory can bear.

/// Makes a value of every item, two at once, and hands the values over in order. At most two exist at any time. Ends at the
/// first error.
pub(crate) fn two_at_a_time<I: Sync, T: Send, E: Send>(
    items: &[I],
    make: impl Fn(&I) -> Result<T, E> + Sync,
    mut take: impl FnMut(&I, T) -> Result<(), E>,
) -> Result<(), E> {
    for pair in items.chunks(2) {
        let [first, second] = pair else {
            take(&pair[0], make(&pair[0])?)?;
            continue;
        };
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(|| make(second));
            let one = make(first);
            (one, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        take(first, one?)?;
        take(second, other?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_in_order_and_an_error_ends_it() {
        let mut seen = Vec::new();
        let double = |item: &i32| if *item < 6 { Ok(item * 2) } else { Err("large") };
        let mut run = |items: &[i32]| {
            two_at_a_time(items, double, |_, value| {
                seen.push(value);
                Ok(())
            })
        };
        run(&[1, 2, 3]).unwrap();
        assert_eq!(run(&[4, 5, 6, 7]).unwrap_err(), "large");
        run(&[]).unwrap();
        assert_eq!(seen, [2, 4, 6, 8, 10]);
    }
}
