//! Two hosts and a cable: whether datagrams that one sends are answered by the other.

use std::process::Command;

use crate::host::Host;

/// Answers on the port that a node would have.
const LISTEN: &str = "import socket\n\
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
    s.bind(('10.77.0.1', 55001))\n\
    while True:\n\
    \x20   data, who = s.recvfrom(100)\n\
    \x20   s.sendto(data, who)\n";

/// Asks until there is an answer or ten datagrams were lost.
const ASK: &str = "import socket, sys\n\
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
    s.settimeout(0.2)\n\
    for _ in range(10):\n\
    \x20   s.sendto(b'hello', ('10.77.0.1', 55001))\n\
    \x20   try:\n\
    \x20       sys.exit(0 if s.recv(100) == b'hello' else 2)\n\
    \x20   except OSError:\n\
    \x20       pass\n\
    sys.exit(1)\n";

/// A cable between two hosts, with an echo at the end of `inside`; it goes with either of them.
pub(super) fn join(inside: &Host, outside: &Host) {
    // The names of both ends are the machine's until they are moved.
    let number = std::process::id();
    let script = format!(
        "set -e
         ip link add wi{number} type veth peer name wo{number}
         ip link set wi{number} netns th-{0}
         ip link set wo{number} netns th-{1}
         ip -n th-{0} link set wi{number} name wnmin
         ip -n th-{1} link set wo{number} name wnmout
         ip -n th-{0} addr add 10.77.0.1/24 dev wnmin
         ip -n th-{1} addr add 10.77.0.2/24 dev wnmout
         ip -n th-{0} link set wnmin up
         ip -n th-{1} link set wnmout up",
        inside.name(),
        outside.name()
    );
    let joined = Command::new("sh").args(["-c", &script]).status().expect("sh can be started");
    assert!(joined.success(), "the hosts are not joined");
    inside.sh(&format!("cat >/opt/echo.py <<'END'\n{LISTEN}END\n")).ok();
    inside.exec(&["systemd-run", "-q", "--unit=echo", "python3", "/opt/echo.py"]).ok();
    outside.sh(&format!("cat >/opt/ask.py <<'END'\n{ASK}END\n")).ok();
}

/// Whether a datagram from outside is answered.
pub(super) fn answered(outside: &Host) -> bool {
    match outside.sh("python3 /opt/ask.py").code {
        Some(0) => true,
        Some(1) => false,
        other => panic!("the asking host failed: {other:?}"),
    }
}
