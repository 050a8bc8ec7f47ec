//! Making a script that breaks a law as small as it can be.

use crate::op::{Fault, Op};

/// Removes operations, and then faults, as long as the script still fails: first in halves, then in ever smaller pieces
/// (Zeller's delta debugging, without its complements: scripts are short). `fails` says whether one does.
pub async fn shrink(ops: &[Op], mut fails: impl AsyncFnMut(&[Op]) -> bool) -> Vec<Op> {
    let mut ops = ops.to_vec();
    loop {
        let before = ops.clone();
        let mut size = (ops.len() / 2).max(1);
        while !ops.is_empty() {
            let mut at = 0;
            while at < ops.len() {
                let mut fewer = ops.clone();
                fewer.drain(at..(at + size).min(ops.len()));
                if fails(&fewer).await {
                    ops = fewer;
                } else {
                    at += size;
                }
            }
            if size == 1 {
                break;
            }
            size /= 2;
        }
        for at in 0..ops.len() {
            let mut calmer = ops.clone();
            if calm(&mut calmer[at]) && fails(&calmer).await {
                ops = calmer;
            }
        }
        if ops == before {
            return ops;
        }
    }
}

/// Takes the fault away; false where there is none.
fn calm(op: &mut Op) -> bool {
    match op {
        Op::Step { fault, .. }
        | Op::Submit { fault, .. }
        | Op::Steer { fault, .. }
        | Op::Leave { fault, .. }
            if *fault != Fault::None =>
        {
            *fault = Fault::None;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_left_still_fails_and_nothing_more_can_go() {
        let noise = |seconds| Op::Advance { seconds };
        let needed = [Op::Beat { node: 1 }, Op::Work, Op::Die { node: 2 }];
        let mut ops: Vec<_> = (0..40).map(noise).collect();
        ops.insert(3, needed[0].clone());
        ops.insert(20, needed[1].clone());
        ops.insert(35, needed[2].clone());
        let small = shrink(&ops, async |ops: &[Op]| needed.iter().all(|op| ops.contains(op))).await;
        assert_eq!(small, needed);
    }
}
