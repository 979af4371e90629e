//! A table that fits the terminal: columns are aligned, and the least important are left out.

use super::terminal::{Paint, Terminal};

/// One column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) right: bool,
    /// Left out first where there is no room; 0 stays.
    pub(super) weight: u8,
}

/// One cell, with what it means.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) paint: Paint,
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell { text, paint: Paint::Plain }
    }
}

const GAP: usize = 2;

/// The lines, the head first. Every row has a cell for every column.
pub(super) fn lines(columns: &[Column], rows: &[Vec<Cell>], terminal: Terminal) -> Vec<String> {
    let mut widths: Vec<usize> = columns.iter().map(|column| column.name.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.chars().count());
        }
    }
    let shown = shown(columns, &widths, terminal.width);
    let line = |cell: &dyn Fn(usize) -> Cell| {
        let last = shown.last().copied();
        let cells = shown.iter().map(|at| {
            let Cell { text, paint } = cell(*at);
            let room = " ".repeat(widths[*at].saturating_sub(text.chars().count()));
            let text = terminal.paint(paint, &text);
            match (columns[*at].right, Some(*at) == last) {
                (true, _) => room + &text,
                (false, true) => text,
                (false, false) => text + &room,
            }
        });
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP))
    };
    let head = line(&|at| Cell { text: columns[at].name.to_owned(), paint: Paint::Head });
    let rows = rows.iter().map(|row| line(&|at| row[at].clone()));
    [head].into_iter().chain(rows).collect()
}

/// Which columns there is room for.
fn shown(columns: &[Column], widths: &[usize], room: Option<usize>) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let needed = |shown: &[usize]| {
        shown.iter().map(|at| widths[*at]).sum::<usize>() + GAP * shown.len().saturating_sub(1)
    };
    while room.is_some_and(|room| needed(&shown) > room) {
        let least = shown.iter().copied().filter(|at| columns[*at].weight > 0);
        let Some(least) = least.max_by_key(|at| columns[*at].weight) else { break };
        shown.retain(|at| *at != least);
    }
    shown
}
