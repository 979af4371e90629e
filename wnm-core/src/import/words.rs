//! The words that a node is started with, read back into what they mean. The other direction is
//! [`Program::arguments`].

use std::path::{Component, Path, PathBuf};

use crate::model::{Address, EvmNetwork, Launch, Program};

use super::FoundPorts;

/// What a command line says of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The program, by the name of its file.
    pub program: Program,
    /// That file.
    pub binary: PathBuf,
    /// `--root-dir`.
    pub data: PathBuf,
    /// Where logs go, when that is said.
    pub logs: Option<PathBuf>,
    /// `--rewards-address`.
    pub wallet: Option<Address>,
    /// Ports that are named.
    pub ports: FoundPorts,
    /// Everything else. Words that wnm does not write itself are kept as they are, in their order.
    pub launch: Launch,
    /// What wnm will write differently.
    pub notes: Vec<String>,
}

/// Why words are no command line of a node that could be taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotANode {
    /// Another program: none of our business.
    #[error("it runs `{0}`, which is no node program")]
    OtherProgram(String),
    /// A node, in a way that wnm cannot carry on.
    #[error("{0}")]
    Unfit(String),
}

impl Told {
    /// Reads the program and its arguments.
    pub fn read(words: &[String]) -> Result<Told, NotANode> {
        let (first, rest) =
            words.split_first().ok_or_else(|| NotANode::OtherProgram(String::new()))?;
        let binary = PathBuf::from(first);
        let name = binary.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let program = name.parse().map_err(|_| NotANode::OtherProgram(first.clone()))?;
        let mut reading = Reading::default();
        let mut rest = rest.iter().map(String::as_str).peekable();
        while let Some(word) = rest.next() {
            let (option, joined) = match word.split_once('=') {
                Some((option, value)) if word.starts_with("--") => (option, Some(value)),
                _ => (word, None),
            };
            reading.word(program, word, option, joined, &mut rest)?;
        }
        reading.told(program, binary)
    }
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    data: Option<PathBuf>,
    logs: Option<PathBuf>,
    wallet: Option<Address>,
    ports: FoundPorts,
    network: Option<EvmNetwork>,
    rpc_url: Option<String>,
    token: Option<String>,
    payments: Option<String>,
    bootstrap: Vec<String>,
    no_upnp: bool,
    without_webrtc: bool,
    others: Vec<String>,
}

impl Reading {
    fn word<'a>(
        &mut self,
        program: Program,
        word: &str,
        option: &str,
        joined: Option<&'a str>,
        rest: &mut impl Iterator<Item = &'a str>,
    ) -> Result<(), NotANode> {
        let mut value = || {
            joined
                .or_else(|| rest.next())
                .map(str::to_owned)
                .ok_or_else(|| NotANode::Unfit(format!("`{option}` has no value")))
        };
        match (program, option) {
            (_, "--root-dir") => once(&mut self.data, option, path(option, &value()?)?)?,
            (Program::Antnode, "--log-output-dest") | (Program::AntNode, "--log-dir") => {
                let given = value()?;
                // Words for the terminal, not paths.
                if !matches!(given.as_str(), "stdout" | "stderr" | "data-dir") {
                    once(&mut self.logs, option, path(option, &given)?)?;
                }
            }
            (_, "--rewards-address") => {
                let given = value()?;
                let address = given.parse().map_err(|error| {
                    NotANode::Unfit(format!("--rewards-address {given}: {error}"))
                })?;
                once(&mut self.wallet, option, address)?;
            }
            (Program::AntNode, "-c" | "--config") => {
                let why = "it reads a configuration file, which may say anything at any time";
                return Err(NotANode::Unfit(why.to_owned()));
            }
            (_, "--port") | (Program::AntNode, "-p") => {
                once(&mut self.ports.node, option, port(option, &value()?)?)?
            }
            (Program::Antnode, "--metrics-server-port") => {
                once(&mut self.ports.metrics, option, port(option, &value()?)?)?;
            }
            (Program::Antnode, "--rpc") => {
                let given = value()?;
                let number = given.rsplit(':').next().unwrap_or_default();
                once(&mut self.ports.rpc, option, port(option, number)?)?;
            }
            (Program::AntNode, "--webrtc-direct-port") => {
                once(&mut self.ports.webrtc, option, port(option, &value()?)?)?;
            }
            (Program::AntNode, "--disable-webrtc-direct") => self.without_webrtc = true,
            // wnm says these itself.
            (_, "--stop-on-upgrade")
            | (Program::Antnode, "--enable-metrics-server")
            | (Program::AntNode, "--enable-logging") => {}
            (Program::AntNode, "--log-format") => drop(value()?),
            (Program::Antnode, "--no-upnp") => self.no_upnp = true,
            (Program::Antnode, "--peer") => {
                self.bootstrap.extend(value()?.split(',').map(str::to_owned));
            }
            (Program::AntNode, "-b" | "--bootstrap") => self.bootstrap.push(value()?),
            (Program::Antnode, "--rpc-url") | (Program::AntNode, "--evm-rpc-url") => {
                once(&mut self.rpc_url, option, value()?)?;
            }
            (Program::Antnode, "--payment-token-address")
            | (Program::AntNode, "--evm-payment-token") => {
                once(&mut self.token, option, value()?)?;
            }
            (Program::Antnode, "--data-payments-address")
            | (Program::AntNode, "--evm-payment-vault") => {
                once(&mut self.payments, option, value()?)?;
            }
            (Program::Antnode, "evm-arbitrum-one") => self.network = Some(EvmNetwork::ArbitrumOne),
            (Program::Antnode, "evm-arbitrum-sepolia-test") => {
                self.network = Some(EvmNetwork::ArbitrumSepoliaTest);
            }
            (Program::Antnode, "evm-custom") => {}
            (Program::AntNode, "--evm-network") => {
                self.network = Some(match value()?.as_str() {
                    "arbitrum-one" => EvmNetwork::ArbitrumOne,
                    "arbitrum-sepolia" => EvmNetwork::ArbitrumSepoliaTest,
                    other => return Err(NotANode::Unfit(format!("--evm-network is `{other}`"))),
                });
            }
            _ => self.others.push(word.to_owned()),
        }
        Ok(())
    }

    fn told(self, program: Program, binary: PathBuf) -> Result<Told, NotANode> {
        let unfit = |why: &str| NotANode::Unfit(why.to_owned());
        let data = self.data.ok_or_else(|| {
            unfit(
                "it has no --root-dir: which data and which key are its own, its line does not say",
            )
        })?;
        if !binary.is_absolute() {
            return Err(unfit("its program is not named by an absolute path"));
        }
        let custom = (self.rpc_url, self.token, self.payments);
        let network = match (custom, self.network) {
            ((Some(rpc_url), Some(token), Some(payments)), _) => {
                EvmNetwork::Custom { rpc_url, token, payments }
            }
            ((None, None, None), network) => network.unwrap_or(EvmNetwork::ArbitrumOne),
            _ => return Err(unfit("it names only a part of a custom network")),
        };
        let mut notes = Vec::new();
        let unnamed = program.has_webrtc() && self.ports.webrtc.is_none() && !self.without_webrtc;
        if unnamed {
            notes.push("from its next start on without WebRTC, which had no fixed port".to_owned());
        }
        let launch = Launch {
            network,
            start_args: self.others,
            environment: Vec::new(),
            bootstrap: self.bootstrap,
            no_upnp: self.no_upnp,
            memory_limit: None,
            cpu_limit: None,
        };
        let (logs, wallet, ports) = (self.logs, self.wallet, self.ports);
        Ok(Told { program, binary, data, logs, wallet, ports, launch, notes })
    }
}

fn once<T>(slot: &mut Option<T>, option: &str, value: T) -> Result<(), NotANode> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(NotANode::Unfit(format!("`{option}` is given twice"))),
    }
}

fn port(option: &str, text: &str) -> Result<u16, NotANode> {
    let number = text.parse().ok().filter(|port| *port > 0);
    number.ok_or_else(|| NotANode::Unfit(format!("`{option} {text}` is no fixed port")))
}

/// An absolute path with nothing in it that leads elsewhere.
fn path(option: &str, text: &str) -> Result<PathBuf, NotANode> {
    let path = Path::new(text);
    let plain = path.components().all(|it| matches!(it, Component::RootDir | Component::Normal(_)));
    // The kernel shows the text as it was given, and processes are known by it.
    let exact = path.components().collect::<PathBuf>().as_os_str() == path.as_os_str();
    match path.is_absolute() && plain && exact && !text.contains(char::is_control) {
        true => Ok(path.to_owned()),
        false => Err(NotANode::Unfit(format!(
            "`{option} {text}` is not a plain absolute path: no `..`, no `//`, no `/` at its end"
        ))),
    }
}
