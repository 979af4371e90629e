//! What the tests stand on: a `proc` tree, a server, a node.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;
use wnm_core::model::{
    EvmNetwork, FAUCET, Launch, Manager, ManagerKind, NodeId, NodePorts, NodeSpec, Program, Scope,
};

pub(super) const METRICS: &str = include_str!("../../fixtures/antnode-0.4.17/metrics.txt");
pub(super) const METADATA: &str = include_str!("../../fixtures/antnode-0.4.17/metadata.txt");
pub(super) const ROUTING: &str =
    include_str!("../../fixtures/ant-node-0.23.1/routing_snapshot.json");

/// Above the highest process id that Linux gives out (4194304): surely nobody's.
pub(super) const NOBODY: u32 = 4_300_000;

/// A `proc` file system in a temporary directory.
pub(super) struct FakeProc(TempDir);

/// One line of a socket table.
#[derive(Clone, Copy)]
pub(super) struct Socket {
    pub(super) local: SocketAddr,
    pub(super) state: u8,
    pub(super) inode: u64,
}

pub(super) const LISTEN: u8 = 0x0A;
pub(super) const ESTABLISHED: u8 = 0x01;
pub(super) const UNCONNECTED: u8 = 0x07;

pub(super) fn socket(ip: impl Into<IpAddr>, port: u16, state: u8, inode: u64) -> Socket {
    Socket { local: SocketAddr::new(ip.into(), port), state, inode }
}

impl FakeProc {
    pub(super) fn empty() -> FakeProc {
        FakeProc(tempfile::tempdir().unwrap())
    }

    pub(super) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn link(&self, path: &str, target: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    /// `net/udp` and so on, in the layout of the kernel.
    pub(super) fn table(&self, name: &str, sockets: &[Socket]) {
        let mut text = String::from(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n",
        );
        for (at, socket) in sockets.iter().enumerate() {
            let zero = match socket.local {
                SocketAddr::V4(_) => "0".repeat(8),
                SocketAddr::V6(_) => "0".repeat(32),
            };
            text += &format!(
                "{at:4}: {}:{:04X} {zero}:0000 {:02X} 00000000:00000000 00:00000000 00000000  1000        0 {} 2 0000000000000000 0\n",
                words(socket.local.ip()),
                socket.local.port(),
                socket.state,
                socket.inode,
            );
        }
        self.write(&format!("net/{name}"), &text);
    }

    /// A process of state `state`: 150 and 50 ticks of CPU, started at tick 1000, 300 pages.
    pub(super) fn process(&self, pid: u32, state: char, sockets: &[u64]) {
        // A name like this one is allowed, and parsers have stumbled over it.
        let stat = format!(
            "{pid} (a) Z 1 (b) {state} 1 {pid} {pid} 0 -1 4194560 9 8 7 6 150 50 70 60 20 0 5 0 1000 \
             40960000 300 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 \
             0 0 0\n"
        );
        self.write(&format!("{pid}/stat"), &stat);
        fs::create_dir_all(self.root().join(format!("{pid}/fd"))).unwrap();
        self.link(&format!("{pid}/fd/0"), "/dev/null");
        self.link(&format!("{pid}/fd/1"), "pipe:[77]");
        for (at, inode) in sockets.iter().enumerate() {
            self.link(&format!("{pid}/fd/{}", at + 2), &format!("socket:[{inode}]"));
        }
    }
}

/// An address as the kernel prints it: words of four bytes in the byte order of the machine.
fn words(ip: IpAddr) -> String {
    let bytes = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let word = |four: &[u8]| format!("{:08X}", u32::from_ne_bytes(four.try_into().unwrap()));
    bytes.chunks(4).map(word).collect()
}

/// A node of `program` at these ports, with this data directory.
pub(super) fn node(program: Program, port: u16, metrics: Option<u16>, data: PathBuf) -> NodeSpec {
    NodeSpec {
        id: NodeId::FIRST,
        program,
        manager: Manager { kind: ManagerKind::Setsid, scope: Scope::User },
        wallet: FAUCET.parse().unwrap(),
        ports: NodePorts { node: port, metrics, webrtc: None, rpc: None },
        storage: data.parent().unwrap_or(&data).to_path_buf(),
        logs: data.join("logs"),
        binary: data.join("bin"),
        data,
        autostart: false,
        service: None,
        container: None,
        adopted: None,
        left: None,
        launch: Launch {
            network: EvmNetwork::ArbitrumOne,
            start_args: Vec::new(),
            environment: Vec::new(),
            bootstrap: Vec::new(),
            no_upnp: false,
            memory_limit: None,
            cpu_limit: None,
        },
    }
}

/// A server on the loopback interface that counts how often it is asked.
pub(super) struct Server {
    pub(super) port: u16,
    hits: Arc<AtomicUsize>,
}

impl Server {
    /// `answer` gets the path and the connection; each connection has a thread of its own.
    pub(super) fn new(answer: impl Fn(&str, TcpStream) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let hits = Arc::new(AtomicUsize::new(0));
        let (counter, answer) = (Arc::clone(&hits), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counter, answer) = (Arc::clone(&counter), Arc::clone(&answer));
                thread::spawn(move || {
                    counter.fetch_add(1, Ordering::SeqCst);
                    if let Some(path) = request(&stream) {
                        answer(&path, stream);
                    }
                });
            }
        });
        Server { port, hits }
    }

    /// Answers everything with this status line, these headers and this body.
    pub(super) fn fixed(
        status: &'static str,
        headers: &'static str,
        body: &'static [u8],
    ) -> Server {
        Server::new(move |_, stream| respond(stream, status, headers, body))
    }

    /// A healthy first-generation node.
    pub(super) fn healthy() -> Server {
        Server::new(|path, stream| match path {
            "/metrics" => respond(stream, "200 OK", "", METRICS.as_bytes()),
            "/metadata" => respond(stream, "200 OK", "", METADATA.as_bytes()),
            _ => respond(stream, "404 Not Found", "", b"Not found"),
        })
    }

    pub(super) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

/// The path of a request, when all of its head has come.
fn request(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    first.split(' ').nth(1).map(str::to_owned)
}

pub(super) fn respond(mut stream: TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    // The client may have hung up already; that is its business.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// A listener at which connections are made but never taken up. Keep it for as long as it is to
/// hang.
pub(super) fn hanging() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}
