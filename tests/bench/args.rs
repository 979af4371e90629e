//! What is to be measured.

use std::env;
use std::path::PathBuf;

use crate::Done;

pub(crate) const HELP: &str = "\
cargo xtask bench [OPTIONS]

  --nodes 0,10,100   how many nodes the worlds have (0,10,100,500,1000)
  --rounds N         runs of each, of which the median is told (7)
  --hanging          also nodes that accept connections and never answer
  --day CYCLES       also what a day costs with 100 nodes, from so many cycles
  --python PROGRAM   the Python wnm, measured in turn on what it can do without a world
  --json             one JSON object a line
  --wnm PROGRAM      another wnm
  --dir DIRECTORY    where the worlds are made (a temporary directory)
";

#[derive(Clone, Debug)]
pub(crate) struct Args {
    pub(crate) nodes: Vec<u32>,
    pub(crate) rounds: usize,
    pub(crate) hanging: bool,
    pub(crate) day: Option<u32>,
    pub(crate) python: Option<PathBuf>,
    pub(crate) json: bool,
    pub(crate) wnm: PathBuf,
    pub(crate) dir: PathBuf,
}

impl Args {
    pub(crate) fn read(words: &[&str]) -> Done<Args> {
        let mut args = Args {
            nodes: vec![0, 10, 100, 500, 1000],
            rounds: 7,
            hanging: false,
            day: None,
            python: None,
            json: false,
            wnm: beside_us("wnm")?,
            dir: env::temp_dir(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value =
                || words.next().ok_or_else(|| format!("{word} needs a value\n\n{HELP}"));
            match *word {
                "--bench" => {}
                "--nodes" => args.nodes = numbers(value()?)?,
                "--rounds" => args.rounds = number(value()?)?.max(1) as usize,
                "--hanging" => args.hanging = true,
                "--day" => args.day = Some(number(value()?)?),
                "--python" => args.python = Some(value()?.into()),
                "--json" => args.json = true,
                "--wnm" => args.wnm = value()?.into(),
                "--dir" => args.dir = value()?.into(),
                _ => return Err(format!("unknown word: {word}\n\n{HELP}")),
            }
        }
        Ok(args)
    }
}

/// cargo puts a bench in `deps`, below the programs it belongs to.
fn beside_us(name: &str) -> Done<PathBuf> {
    let own = env::current_exe().map_err(|error| format!("where am I? {error}"))?;
    let built = own.parent().and_then(|deps| deps.parent()).ok_or("we lie nowhere")?;
    Ok(built.join(name))
}

fn numbers(text: &str) -> Done<Vec<u32>> {
    text.split(',').map(number).collect()
}

fn number(text: &str) -> Done<u32> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}
