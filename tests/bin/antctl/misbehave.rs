//! What it was told to do wrong: words in `PROGRAM.conf`, beside the program.

use std::time::Duration;
use std::{env, fs, process, thread};

use super::registry::Registry;

#[derive(Debug)]
pub(crate) struct Misbehaviour {
    words: Vec<String>,
    pub(crate) version: String,
}

impl Misbehaviour {
    pub(crate) fn load() -> Misbehaviour {
        let program = env::current_exe().expect("it has a file");
        let text = fs::read_to_string(program.with_extension("conf")).unwrap_or_default();
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let version =
            words.iter().find_map(|word| word.strip_prefix("version=").map(str::to_owned));
        Misbehaviour { words, version: version.unwrap_or_else(|| "0.14.2".to_owned()) }
    }

    pub(crate) fn says(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }

    fn says_of(&self, word: &str, verb: &str) -> bool {
        self.says(&format!("{word}={verb}"))
    }

    pub(crate) fn before(&self, verb: &str) {
        if self.says("noise") {
            println!("{{not json\n\x1b[1;32mThe ant user already exists\x1b[0m");
            eprintln!("[2026-11-30T01:36:05.119957Z INFO ant_node_manager 729] noise");
        }
        if self.says_of("hang", verb) {
            thread::sleep(Duration::from_secs(3600));
        }
        if self.says_of("lie", verb) {
            process::exit(0);
        }
        if self.says_of("refuse", verb) {
            super::fail("No space left on device (os error 28)");
        }
    }

    pub(crate) fn after(&self, verb: &str, registry: &mut Registry) {
        if self.says("lose-first") {
            registry.lose_first();
        }
        if self.says("empty") {
            registry.overwrite("");
        }
        if self.says("half") {
            registry.overwrite("{\"daemon\":null,\"nodes\":[{\"alpha\":fal");
        }
        if self.says_of("fail", verb) {
            super::failed(verb, "antnode1", "Could not connect to RPC endpoint");
        }
        if self.says_of("hang-after", verb) {
            thread::sleep(Duration::from_secs(3600));
        }
    }
}
