//! Where everything stands: a layer's input is laid out pixel by pixel, its channels filled up to whole vectors.

use crate::real::LANES;
use crate::sizes::{Layer, Result, positive, refused};

/// Places that are pooled.
pub(crate) const POOLED: usize = 4;

/// A layer's geometry. A patch is some rows of its input, each without gaps; a cell is a patch's outputs, or the largest
/// of the outputs of four patches.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Outputs of a cell.
    pub(crate) out: usize,
    /// The same in whole vectors.
    pub(crate) lanes: usize,
    /// Rows of a patch.
    pub(crate) rows: usize,
    /// Values of a row.
    pub(crate) row: usize,
    /// The same in whole vectors: an output has `rows * pitch` weights.
    pub(crate) pitch: usize,
    /// From the begin of a row to that of the next.
    pub(crate) stride: usize,
    /// Where each vector of a patch begins, from the patch's own begin.
    pub(crate) vectors: Vec<usize>,
    /// Where the patches begin: one a cell, or four.
    pub(crate) places: Vec<usize>,
    /// Whether there are four.
    pub(crate) pool: bool,
    /// Whether negative outputs are zero.
    pub(crate) relu: bool,
    /// Whether the layer is linear.
    pub(crate) linear: bool,
    /// Values of the input, with its border and room to read whole vectors at its end.
    pub(crate) input: usize,
    /// Where each weight of PyTorch's order stands.
    pub(crate) taps: Vec<usize>,
    /// Where each cell's outputs begin in the next layer's input.
    pub(crate) put: Vec<usize>,
    grid: Grid,
}

/// How the values between two layers are laid out.
#[derive(Clone, Copy, Debug)]
struct Grid {
    channels: usize,
    /// The same with what fills it up.
    depth: usize,
    height: usize,
    width: usize,
    border: [usize; 2],
}

impl Grid {
    fn at(&self, channel: usize, y: usize, x: usize) -> usize {
        ((y + self.border[0]) * self.wide() + x + self.border[1]) * self.depth + channel
    }

    fn wide(&self) -> usize {
        self.width + 2 * self.border[1]
    }

    fn high(&self) -> usize {
        self.height + 2 * self.border[0]
    }

    fn values(&self) -> usize {
        self.high() * self.wide() * self.depth
    }

    /// Where each value stands, channel by channel.
    fn entries(self) -> impl Iterator<Item = usize> {
        let pixels = self.height * self.width;
        (0..self.channels * pixels).map(move |value| {
            let pixel = value % pixels;
            self.at(value / pixels, pixel / self.width, pixel % self.width)
        })
    }
}

impl Plan {
    /// Where each value of the input stands, channel by channel.
    pub(crate) fn entries(&self) -> Vec<usize> {
        self.grid.entries().collect()
    }
}

fn whole(values: usize) -> usize {
    values.next_multiple_of(LANES)
}

/// The plans of a network's layers.
pub(crate) fn plans(sample: [usize; 3], layers: &[Layer]) -> Result<Vec<Plan>> {
    let [channels, height, width] = sample;
    positive("values of a sample", channels.min(height).min(width))?;
    positive("layers", layers.len())?;
    let mut grid = Grid { channels, depth: channels, height, width, border: [0; 2] };
    let mut plans: Vec<Plan> = Vec::new();
    for layer in layers {
        if let Layer::Convolution { padding, .. } = layer {
            grid.border = *padding;
        }
        if let Some(before) = plans.last_mut() {
            before.put =
                (0..grid.height * grid.width).map(|cell| grid.at(0, cell / grid.width, cell % grid.width)).collect();
        }
        let (plan, next) = match *layer {
            Layer::Convolution { out, kernel, pool, relu, .. } => convolution(grid, out, kernel, pool, relu)?,
            Layer::Linear { out, relu } => linear(grid, out, relu)?,
        };
        plans.push(plan);
        grid = next;
    }
    if grid.height * grid.width != 1 {
        return refused("the last layer", "one value for each class", format!("{}x{}", grid.height, grid.width));
    }
    if let Some(last) = plans.last_mut() {
        last.put = vec![0];
    }
    Ok(plans)
}

fn convolution(grid: Grid, out: usize, kernel: [usize; 2], pool: bool, relu: bool) -> Result<(Plan, Grid)> {
    let [high, wide] = kernel;
    positive("channels of a convolution", out)?;
    positive("a convolution's kernel", high.min(wide))?;
    let step = if pool { 2 } else { 1 };
    let size = |all: usize, kernel: usize| (all + 1).saturating_sub(kernel) / step;
    let (height, width) = (size(grid.high(), high), size(grid.wide(), wide));
    positive("outputs of a convolution", height.min(width))?;
    let stride = grid.wide() * grid.depth;
    let (row, pitch) = (wide * grid.depth, whole(wide * grid.depth));
    let mut places = Vec::new();
    for cell in 0..height * width {
        let (y, x) = (step * (cell / width), step * (cell % width));
        let patches: &[(usize, usize)] = if pool { &[(0, 0), (0, 1), (1, 0), (1, 1)] } else { &[(0, 0)] };
        places.extend(patches.iter().map(|(down, right)| (y + down) * stride + (x + right) * grid.depth));
    }
    let mut taps = Vec::new();
    for output in 0..out {
        for channel in 0..grid.channels {
            for (i, j) in (0..high).flat_map(|i| (0..wide).map(move |j| (i, j))) {
                taps.push((output * high + i) * pitch + j * grid.depth + channel);
            }
        }
    }
    let next = Grid { channels: out, depth: whole(out), height, width, border: [0; 2] };
    let plan = Plan {
        out,
        lanes: whole(out),
        rows: high,
        row,
        pitch,
        stride,
        vectors: (0..high).flat_map(|i| (0..pitch).step_by(LANES).map(move |t| i * stride + t)).collect(),
        places,
        pool,
        relu,
        linear: false,
        input: grid.values() + LANES,
        taps,
        put: Vec::new(),
        grid,
    };
    Ok((plan, next))
}

fn linear(grid: Grid, out: usize, relu: bool) -> Result<(Plan, Grid)> {
    positive("outputs of a linear layer", out)?;
    let (row, pitch) = (grid.values(), whole(grid.values()));
    let mut taps = Vec::new();
    for output in 0..out {
        taps.extend(grid.entries().map(|place| output * pitch + place));
    }
    let plan = Plan {
        out,
        lanes: whole(out),
        rows: 1,
        row,
        pitch,
        stride: row,
        vectors: (0..pitch).step_by(LANES).collect(),
        places: vec![0],
        pool: false,
        relu,
        linear: true,
        input: pitch,
        taps,
        put: Vec::new(),
        grid,
    };
    Ok((plan, Grid { channels: out, depth: whole(out), height: 1, width: 1, border: [0; 2] }))
}
