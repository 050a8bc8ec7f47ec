//! From a seed to a script.

use std::sync::Arc;

use thunderline_core::{
    Random, SeededRandom, Wish,
    seams::{Effect, Point, Trap},
};

use crate::op::{Fault, Op, Plan, Steer};

/// Repeatable dice.
struct Dice(Arc<SeededRandom>);

impl Dice {
    fn below(&self, bound: u32) -> u32 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % u64::from(bound)) as u32
    }

    fn byte(&self, bound: u32) -> u8 {
        self.below(bound) as u8
    }

    fn percent(&self, chance: u32) -> bool {
        self.below(100) < chance
    }

    fn of<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }
}

/// The script of a seed in which domains fail and are ordered about as well.
#[must_use]
pub fn draw_mesh(seed: u64) -> Vec<Op> {
    let dice = Dice(SeededRandom::new(seed ^ 0xd0_4a11_0000_0000));
    let mut ops = Vec::new();
    for op in draw(seed) {
        ops.push(op);
        match dice.below(100) {
            0..12 => ops.push(Op::Tick),
            12..16 => {
                let wish = dice.of(&[Wish::Kill, Wish::Kill, Wish::Deactivate, Wish::Activate]);
                ops.extend([Op::Order { domain: dice.byte(8), wish }, Op::Tick]);
            }
            _ => {}
        }
    }
    ops
}

/// The script of a seed.
#[must_use]
pub fn draw(seed: u64) -> Vec<Op> {
    let dice = Dice(SeededRandom::new(seed ^ 0x5eed_0000_0000));
    let trouble = dice.of(&[0, 5, 15, 30]);
    let length = 30 + dice.below(60);
    let mut ops = vec![submit(&dice, Fault::None)];
    for node in 0..4 {
        ops.push(Op::Step { node, fault: Fault::None });
    }
    ops.push(Op::Settle);
    for _ in 0..length {
        match op(&dice, trouble) {
            Op::Nod => nap(&dice, &mut ops),
            Op::Die { node } => vanish(&dice, trouble, node, &mut ops),
            other => ops.push(other),
        }
    }
    ops
}

/// There is something to fall asleep over, and often it is long enough for another worker to take it.
fn nap(dice: &Dice, ops: &mut Vec<Op>) {
    ops.extend([Op::Wish { number: dice.byte(6), after: 0 }, Op::Nod]);
    if dice.percent(50) {
        ops.extend([Op::Advance { seconds: 60 }, Op::Work]);
    }
}

/// A node dies; often just after it came back, in trouble or not, and often for long enough to be missed.
fn vanish(dice: &Dice, trouble: u32, node: u8, ops: &mut Vec<Op>) {
    if dice.percent(50) {
        let cut = Fault::HangUp { point: Point::Committed, after: 0 };
        let fault = if trouble > 0 { dice.of(&[cut, fault(dice, trouble)]) } else { Fault::None };
        ops.extend([Op::Leave { node, for_good: false, fault: Fault::None }, Op::Step { node, fault }]);
    }
    ops.push(Op::Die { node });
    if dice.percent(50) {
        ops.extend([Op::Mend, Op::Advance { seconds: 60 }, Op::Mend]);
    }
}

fn op(dice: &Dice, trouble: u32) -> Op {
    let node = dice.byte(4);
    match dice.below(1000) {
        0..430 => Op::Step { node, fault: fault(dice, trouble) },
        430..520 => Op::Work,
        520..590 => Op::Relay,
        590..640 => Op::Mend,
        640..720 => Op::Settle,
        720..810 => Op::Advance { seconds: dice.of(&[1, 1, 2, 5, 5, 10, 20, 30, 60]) },
        810..830 => submit(dice, fault(dice, trouble)),
        830..835 => Op::SubmitNonsense,
        835..855 => {
            let to = dice.of(&[Steer::Pause, Steer::Resume, Steer::Resume, Steer::Cancel]);
            Op::Steer { federation: dice.byte(4), to, fault: fault(dice, trouble) }
        }
        855..870 => Op::Beat { node },
        870..880 => Op::Leave { node, for_good: dice.percent(20), fault: fault(dice, trouble) },
        880..890 => Op::Die { node },
        890..900 => Op::Revive { node },
        900..908 => Op::Spoil { node },
        908..915 => Op::Forge { node, name: dice.byte(4) },
        915..935 => Op::Deliver { index: dice.byte(8) },
        935..955 => Op::Release { index: dice.byte(4) },
        955..962 => Op::Restart,
        962..980 if trouble > 0 => Op::Trap { trap: trap(dice) },
        980..985 => Op::Doze,
        985..991 => Op::Nod,
        991..995 => Op::Wake { index: dice.byte(4), done: dice.percent(70) },
        _ => Op::Wish { number: dice.byte(6), after: dice.of(&[0, 0, 0, 7]) },
    }
}

fn submit(dice: &Dice, fault: Fault) -> Op {
    let key = dice.percent(50).then(|| dice.byte(3));
    let plan = Plan {
        rounds: 1 + dice.byte(3),
        clients: 1 + dice.byte(4),
        deadline: dice.of(&[10, 20, 30, 60]),
        quorum: dice.of(&[34, 50, 100]),
        failures: dice.byte(3),
        over: dice.percent(25),
        judge: dice.percent(50),
    };
    Op::Submit { plan, key, fault }
}

fn fault(dice: &Dice, trouble: u32) -> Fault {
    if !dice.percent(trouble) {
        return Fault::None;
    }
    let (point, after) = (dice.of(&[Point::Begin, Point::Committed]), dice.byte(3));
    match dice.below(7) {
        0 => Fault::LoseRequest,
        1 => Fault::LoseAnswer,
        2 => Fault::Twice,
        3 => Fault::Delay,
        4 | 5 => Fault::Stall { point, after },
        _ => Fault::HangUp { point: dice.of(&[point, Point::Commit]), after },
    }
}

fn trap(dice: &Dice) -> Trap {
    let effect = dice.of(&[Effect::Crash, Effect::Crash, Effect::Fail]);
    let points = [Point::Begin, Point::Commit, Point::Committed];
    // A commit that fails has not happened.
    let points = if effect == Effect::Fail { &points[..2] } else { &points[..] };
    Trap { point: dice.of(points), after: dice.below(5), effect }
}
