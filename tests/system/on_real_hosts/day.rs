//! A day in the life of a server, compressed into some minutes: thirty nodes, and everything that
//! happens to machines. At the end the history must read like an honest diary.

use std::time::{Duration, Instant};

use super::operator::Operator;

/// The disk of the nodes, which can be pulled: a directory mounted over another.
const DISK: &str = "/srv/data";
const PLUG: &str = "mkdir -p /srv/real /srv/data && mount --bind /srv/real /srv/data";

/// How many nodes the server keeps.
const NODES: usize = 30;

struct Day {
    op: Operator,
    cycles: u32,
    cpu_seconds: f64,
    bytes_written: u64,
}

#[test]
fn a_day_in_the_life_of_a_server() {
    let Some(op) = Operator::new("day") else {
        return;
    };
    op.host.sh(&format!("{PLUG} && chown op /srv/real")).ok();
    let cap = NODES.to_string();
    op.init(&["--node-cap", &cap, "--node-storage", &format!("{DISK}/nodes")]);
    for (key, value) in [
        ("cpu_less_than", "80"),
        ("cpu_remove", "90"),
        ("pressure_grace", "1s"),
        ("hd_less_than", "60"),
        ("hd_remove", "75"),
        ("hd_grace", "1s"),
        ("max_concurrent_starts", "8"),
    ] {
        // Both thresholds of a pair are on their way: the order keeps each step valid.
        op.wnm(&["config", "set", key, value]).ok();
    }
    let mut day = Day { op, cycles: 0, cpu_seconds: 0.0, bytes_written: 0 };

    day.until("everything runs", |day| day.running() == NODES);
    day.a_hog_comes_and_goes();
    day.a_disk_fills();
    day.a_disk_is_pulled();
    day.a_node_keeps_dying();
    day.the_machine_restarts();
    day.an_operator_interferes();
    day.two_cycles_meet();
    day.tells_its_story();
}

impl Day {
    fn a_hog_comes_and_goes(&mut self) {
        let hog = "for i in 1 2 3 4 5 6; do timeout 600 sh -c 'while :; do :; done' & done; wait";
        self.op.host.exec(&["systemd-run", "--unit=hog", "sh", "-c", hog]).ok();
        self.until("pressure stops nodes", |day| day.running() < NODES);
        assert_eq!(self.nodes(), NODES, "and loses none");
        self.op.host.exec(&["systemctl", "stop", "hog"]).ok();
        self.until("they come back", |day| day.running() == NODES);
    }

    fn a_disk_fills(&mut self) {
        // First with the data of somebody else: nobody is removed for that.
        self.op.host.sh(&format!("fallocate -l {} /srv/real/foreign", self.filling(93))).ok();
        self.until("it says that the disk is not its to relieve", |day| {
            day.op.wnm(&["run"]).stdout.contains("removing nodes would not help")
        });
        assert_eq!(self.nodes(), NODES);
        self.op.host.sh("rm /srv/real/foreign").ok();
        // Then with the data of nodes: the youngest goes, and one is enough.
        let big = format!("{DISK}/nodes/antnode0030/chunks/big");
        self.op.host.sh(&format!("fallocate -l {} {big}", self.filling(80))).ok();
        self.until("the youngest is removed", |day| day.removals() == 1);
        self.until("and another takes its place", |day| day.running() == NODES);
        assert_eq!(self.removals(), 1, "one was enough");
    }

    fn a_disk_is_pulled(&mut self) {
        self.op.host.sh(&format!("umount -l {DISK}")).ok();
        for _ in 0..3 {
            let ran = self.op.wnm(&["run"]).ok();
            assert!(ran.stdout.contains("nothing to do"), "{ran:?}");
            assert!(ran.stdout.contains("antnode0001 could not be observed"), "{ran:?}");
        }
        self.op.host.sh(PLUG).ok();
        self.until("all is as before", |day| day.running() == NODES);
    }

    fn a_node_keeps_dying(&mut self) {
        self.op.wnm(&["config", "set", "restart_backoff", "60s"]).ok();
        let conf = format!("{DISK}/nodes/antnode0007/stand-in.conf");
        self.op.host.sh(&format!("echo die-after=0:9 > {conf} && chown op {conf}")).ok();
        self.op.host.sh(&format!("kill -9 {}", self.op.pid(7))).ok();
        self.until("it is left to back off", |day| {
            let ran = day.op.wnm(&["run"]);
            ran.stdout.contains("antnode0007") && ran.stdout.contains("died")
        });
        assert_eq!(self.running(), NODES - 1, "the others are none the worse");
        self.op.host.sh(&format!("rm {conf}")).ok();
        self.op.wnm(&["config", "set", "restart_backoff", "0"]).ok();
        self.until("it recovers", |day| day.running() == NODES);
    }

    fn the_machine_restarts(&mut self) {
        self.op.host.reboot();
        // The disk is not mounted yet, and nobody is started on an empty directory.
        let ran = self.op.wnm(&["run"]).ok();
        assert!(ran.stdout.contains("nothing to do"), "{ran:?}");
        assert!(ran.stdout.contains("the machine was restarted"), "{ran:?}");
        self.op.host.sh(PLUG).ok();
        self.until("everything runs again", |day| day.running() == NODES);
    }

    fn an_operator_interferes(&mut self) {
        self.op.wnm(&["stop", "1-2"]).ok();
        self.op.wnm(&["disable", "3"]).ok();
        self.op.wnm(&["remove", "4"]).ok();
        self.op.wnm(&["config", "set", "node_cap", "28"]).ok();
        let three = self.op.pid(3);
        self.op.host.sh(&format!("kill -9 {}", self.op.pid(5))).ok();
        self.until("the rest is looked after", |day| {
            let states = day.op.states();
            let count = |state: &str| states.values().filter(|it| *it == state).count();
            count("stopped") == 2 && count("disabled") == 1 && count("running") == 26
        });
        assert_eq!(self.op.pid(3), three, "the disabled one is left alone");
    }

    fn two_cycles_meet(&self) {
        let both = "/usr/local/bin/wnm run & first=$!; /usr/local/bin/wnm run; second=$?; \
                    wait $first; echo $? $second";
        for _ in 0..20 {
            let ran = self.op.run(&["sh", "-c", both]).ok();
            let codes = ran.stdout.lines().last().expect("a line").to_owned();
            match codes.as_str() {
                "3 0" | "0 3" => return,
                "0 0" => {} // one was over before the other began
                _ => panic!("{ran:?}"),
            }
        }
        panic!("two cycles never met");
    }

    fn tells_its_story(&self) {
        let diary = self.op.wnm(&["history", "--limit", "1000"]).ok().stdout;
        println!("{diary}");
        println!(
            "{} cycles: {:.1} s of CPU, {} kB written",
            self.cycles,
            self.cpu_seconds,
            self.bytes_written / 1000
        );
        let told = [
            "add antnode0030: room for more: 29 of 30 nodes - done",
            "above 90.0 %",
            "there is room again",
            "retire antnode0030: disk:",
            "start antnode0007: it should run and does not; died",
            "stop antnode0001: request",
            "remove antnode0004: request",
        ];
        for line in told {
            assert!(diary.contains(line), "the diary lacks: {line}");
        }
        assert!(!diary.contains("FAILED: remove"), "no removal failed");
    }

    /// Cycles until `goal`; panics, with what is waited for, when it is not reached.
    #[track_caller]
    fn until(&mut self, what: &str, goal: impl Fn(&Day) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(180);
        while Instant::now() < deadline {
            self.cycle();
            if goal(self) {
                return;
            }
        }
        let (status, history) = (self.op.wnm(&["status"]), self.op.wnm(&["history"]));
        panic!("not reached: {what}\n{}\n{}", status.stdout, history.stdout);
    }

    /// One cycle, with what it cost: the shell's own account of its children. systemd-run takes one
    /// half of the dollars for itself.
    fn cycle(&mut self) {
        let script = "/usr/local/bin/wnm run >/dev/null 2>&1; times; \
                      grep ^wchar /proc/$$$$/io";
        let ran = self.op.run(&["sh", "-c", script]).ok();
        let lines: Vec<&str> = ran.stdout.lines().collect();
        let children = lines.get(1).copied().unwrap_or_default();
        self.cpu_seconds += children.split(' ').map(seconds).sum::<f64>();
        let written = lines.last().and_then(|line| line.split(' ').nth(1));
        self.bytes_written += written.and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
        self.cycles += 1;
    }

    fn running(&self) -> usize {
        self.op.states().values().filter(|state| *state == "running").count()
    }

    fn nodes(&self) -> usize {
        self.op.states().len()
    }

    fn removals(&self) -> usize {
        let history = self.op.wnm(&["history", "--limit", "1000"]).ok().stdout;
        history.lines().filter(|it| it.contains(" remove antnode") && it.ends_with("done")).count()
    }

    /// So many bytes that the disk is this full, in percent.
    fn filling(&self, percent: u64) -> u64 {
        let sizes = self.op.host.sh("df -B1 --output=size,used /srv/real | tail -n 1").ok().stdout;
        let numbers: Vec<u64> =
            sizes.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        numbers[0] * percent / 100 - numbers[1]
    }
}

/// `0m1.230s`, as `times` prints it.
fn seconds(text: &str) -> f64 {
    let parts = text.trim_end_matches('s').split_once('m');
    parts.map_or(0.0, |(minutes, seconds)| {
        minutes.parse::<f64>().unwrap_or(0.0) * 60.0 + seconds.parse::<f64>().unwrap_or(0.0)
    })
}
