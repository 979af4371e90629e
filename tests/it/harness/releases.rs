//! Releases as their project makes them, signed by the implementation that it uses, and a server on
//! loopback that hands them out, well or badly.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use fips204::ml_dsa_65;
use fips204::traits::{KeyGen, SerDes, Signer};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::StandIn;

/// What an archive of the current generation is called here.
pub(crate) const ARCHIVE: &str = "ant-node-cli-linux-x64.tar.gz";

/// Of whom a signature is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SigningKey(pub(crate) u8);

impl SigningKey {
    /// The public half, raw.
    pub(crate) fn public(self) -> Vec<u8> {
        let (public, _) = ml_dsa_65::KG::keygen_from_seed(&[self.0; 32]);
        public.into_bytes().to_vec()
    }

    /// A signature as the project makes them.
    pub(crate) fn sign(self, file: &[u8]) -> Vec<u8> {
        let (_, private) = ml_dsa_65::KG::keygen_from_seed(&[self.0; 32]);
        let signature = private.try_sign_with_seed(&[3; 32], file, b"ant-node-release-v1");
        signature.expect("the context is short").to_vec()
    }
}

/// A `tar.gz` of these files.
pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, name, *bytes).expect("a short name");
    }
    tar.into_inner().and_then(GzEncoder::finish).expect("in memory")
}

/// An archive with a stand-in of this version, and what belongs beside it.
pub(crate) fn release(dir: &Path, version: &str) -> Vec<u8> {
    let program = StandIn::install_version(dir, "ant-node", version).path;
    let bytes = fs::read(&program).expect("just installed");
    fs::remove_file(program).expect("just installed");
    archive(&[
        ("ant-node", &bytes),
        ("bootstrap_peers.toml", b"peers = []\n"),
        ("LICENSE-MIT", b"x"),
    ])
}

/// A page of releases, in the project's shape, of these versions: newest last.
fn page(versions: &[(String, u64)]) -> String {
    let asset = |name: &str, version: &str, size: &str| {
        format!(r#"{{"name": "{name}", {size}"browser_download_url": "v{version}/{name}"}}"#)
    };
    let of = |(version, bytes): &(String, u64)| {
        let archive = asset(ARCHIVE, version, &format!("\"size\": {bytes}, "));
        let signature = asset(&format!("{ARCHIVE}.sig"), version, "");
        format!(r#"{{"tag_name": "v{version}", "assets": [{archive}, {signature}]}}"#)
    };
    format!("[{}]", versions.iter().map(of).collect::<Vec<_>>().join(", "))
}

/// How archives are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// As one would.
    Good,
    /// Half of what is left, and then nothing at all for whoever comes back.
    Breaks,
    /// A piece, and then a long silence.
    Drips,
}

/// A place where releases are published.
#[derive(Debug)]
pub(crate) struct Publisher {
    root: PathBuf,
    address: SocketAddr,
    versions: Mutex<Vec<(String, u64)>>,
    manners: Arc<Mutex<Manners>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Publisher {
    /// One that has nothing yet, with its files in `root`.
    pub(crate) fn start(root: PathBuf) -> Publisher {
        fs::create_dir_all(&root).expect("a directory");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let manners = Arc::new(Mutex::new(Manners::Good));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (files, how, log) = (root.clone(), Arc::clone(&manners), Arc::clone(&asked));
        // It ends with the process of the test.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, how, log) = (files.clone(), Arc::clone(&how), Arc::clone(&log));
                thread::spawn(move || serve(stream, &files, &how, &log));
            }
        });
        Publisher { root, address, versions: Mutex::default(), manners, asked }
    }

    /// Where releases are below.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Puts an archive there with a signature.
    pub(crate) fn publish(&self, version: &str, archive: &[u8], signature: &[u8]) {
        let place = self.root.join(format!("v{version}"));
        fs::create_dir_all(&place).expect("a directory");
        fs::write(place.join(ARCHIVE), archive).expect("written");
        fs::write(place.join(format!("{ARCHIVE}.sig")), signature).expect("written");
        let mut versions = self.versions.lock().expect("no panic");
        versions.retain(|(known, _)| known != version);
        versions.push((version.to_owned(), archive.len() as u64));
        fs::write(self.root.join("releases.json"), page(&versions)).expect("written");
    }

    /// How archives are handed out from now on.
    pub(crate) fn behave(&self, manners: Manners) {
        *self.manners.lock().expect("no panic") = manners;
    }

    /// Ranges of archives that were asked for.
    pub(crate) fn ranges(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

/// What cannot be written any more was not wanted any more.
fn serve(
    mut stream: TcpStream,
    files: &Path,
    manners: &Mutex<Manners>,
    log: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let headers: Vec<String> =
        lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let range = headers
        .iter()
        .find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let from: usize =
        range.as_deref().and_then(|text| text.trim_end_matches('-').parse().ok()).unwrap_or(0);
    let Ok(bytes) = fs::read(files.join(&path)) else {
        return stream.write_all(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n").ok();
    };
    let manners = *manners.lock().expect("no panic");
    let is_archive = path.ends_with(ARCHIVE);
    if is_archive {
        log.lock().expect("no panic").push(range.unwrap_or_default());
    }
    if is_archive && manners == Manners::Breaks && from > 0 {
        return stream.write_all(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n").ok();
    }
    let rest = bytes.get(from..).unwrap_or_default();
    let mut head = format!(
        "Content-Length: {}\r\nETag: \"{}\"\r\nConnection: close\r\n",
        rest.len(),
        bytes.len()
    );
    if from > 0 {
        head += &format!("Content-Range: bytes {from}-{}/{}\r\n", bytes.len() - 1, bytes.len());
    }
    let status = if from > 0 { 206 } else { 200 };
    stream.write_all(format!("HTTP/1.1 {status} X\r\n{head}\r\n").as_bytes()).ok()?;
    match manners {
        Manners::Breaks if is_archive => stream.write_all(&rest[..rest.len() / 2]).ok(),
        Manners::Drips if is_archive && from == 0 => {
            stream.write_all(&rest[..rest.len() / 3]).ok()?;
            thread::sleep(Duration::from_secs(15));
            Some(())
        }
        _ => stream.write_all(rest).ok(),
    }
}
