//! Where a transaction's gas goes: to each instruction what it took itself, without what it called.

use std::collections::HashMap;

use revm::{
    Inspector,
    interpreter::{
        Interpreter,
        interpreter::EthInterpreter,
        interpreter_types::{InputsTr, Jumps},
    },
    primitives::Address,
};

/// CREATE, CALL, CALLCODE, DELEGATECALL, CREATE2, STATICCALL: over once the frame that they open is.
const CALLS: [u8; 6] = [0xf0, 0xf1, 0xf2, 0xf4, 0xf5, 0xfa];

/// What one instruction took, over all the times that it ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// How often it ran.
    pub count: u64,
    /// Gas of its own; what a call gave on is in the callee's instructions.
    pub gas: u64,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    at: (Address, usize),
    opcode: u8,
    before: u64,
}

/// Gas by the address of the code (zero for init code) and the program counter in it. Gas before the first instruction
/// and refunds after the last belong to none.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    spent: HashMap<(Address, usize), Spent>,
    /// By depth: the instruction under way.
    open: Vec<Option<Open>>,
    /// By depth: what the frame there has taken since it was opened.
    taken: Vec<u64>,
}

impl Profile {
    /// Every instruction that ran, by code and program counter.
    pub fn spent(&self) -> impl Iterator<Item = (Address, usize, Spent)> + '_ {
        self.spent.iter().map(|(&(code, counter), &spent)| (code, counter, spent))
    }

    /// Ends the instruction under way at `depth`, where `left` gas remains.
    fn close(&mut self, depth: usize, left: u64) {
        let Some(open) = self.open.get_mut(depth).and_then(Option::take) else { return };
        let whole = open.before.saturating_sub(left);
        let callee = self.taken.get_mut(depth + 1).map_or(0, std::mem::take);
        self.taken[depth] += whole;
        let spent = self.spent.entry(open.at).or_default();
        spent.count += 1;
        spent.gas += whole.saturating_sub(callee);
    }
}

fn left(interpreter: &Interpreter<EthInterpreter>) -> u64 {
    interpreter.gas.remaining() + interpreter.gas.reservoir()
}

impl<CTX> Inspector<CTX, EthInterpreter> for Profile {
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _: &mut CTX) {
        let depth = interpreter.input.depth();
        self.close(depth, left(interpreter)); // a call that has come back
        if self.open.len() <= depth {
            self.open.resize(depth + 1, None);
            self.taken.resize(depth + 1, 0);
        }
        let code = interpreter.input.bytecode_address().copied().unwrap_or_default();
        let at = (code, interpreter.bytecode.pc());
        self.open[depth] = Some(Open { at, opcode: interpreter.bytecode.opcode(), before: left(interpreter) });
    }

    fn step_end(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _: &mut CTX) {
        let depth = interpreter.input.depth();
        let is_call = self.open.get(depth).copied().flatten().is_some_and(|open| CALLS.contains(&open.opcode));
        if !is_call {
            self.close(depth, left(interpreter));
        }
    }
}
