# SPDX-License-Identifier: MIT
"""Starts QEMU on a kernel of the tree and says how far it came."""
import glob
import os
import re
import shutil
import signal
import subprocess
import time

SRC = os.environ.get("ZACCEL_SRC", "/src")
CACHE = os.environ.get("ZACCEL_CACHE", "/cache")
STATE = os.environ.get("ZACCEL_VM_STATE", "/run/zaccel-vm")
INIT_MARK = "zaccel-vm: init reached"
READY_MARK = "zaccel-vm: agent ready"
INIT_SECONDS = 120
READY_SECONDS = 120
PROBE_SECONDS = 15


class VmError(Exception):
    """The machine itself failed: infrastructure, not the command in it."""


def state_dir(name):
    return os.path.join(STATE, name)


def log_dir(name):
    return os.path.join(SRC, "out/vm", name)


def kernel_version(wanted):
    """The newest installed kernel whose version starts with WANTED."""
    def numbers(version):
        return [int(n) for n in re.findall(r"\d+", version)]
    found = [v for v in os.listdir("/usr/lib/modules") if v.split(".")[0] == wanted or v == wanted]
    if not found:
        raise VmError(f"no kernel {wanted} in the tree")
    return max(found, key=numbers)


def base_arguments(version, accel):
    return ["qemu-system-x86_64", "-accel", accel, "-cpu", "host" if accel == "kvm" else "max",
            "-m", "2048", "-nodefaults", "-display", "none", "-no-reboot", "-no-user-config",
            "-kernel", f"/boot/vmlinuz-{version}", "-initrd", f"{CACHE}/initrd-{version}"]


def kvm_works(version):
    """A /dev/kvm may exist and yet not run a guest: only a guest that came up proves it."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        if not re.search(r"^flags\s*:.*\b(vmx|svm)\b", info.read(), re.M):
            return False
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    command = base_arguments(version, "kvm") + [
        "-serial", "stdio", "-append", "console=ttyS0 panic=-1 quiet machine.probe"]
    try:
        probe = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                               timeout=PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return b"zaccel-vm: probe ok" in probe.stdout


def accelerator(options):
    """QEMU's -accel and -smp for these options; the choice of KVM is remembered for the session."""
    if options["icount"]:
        return "tcg,thread=single", "1"
    remembered = os.path.join(STATE, "accel")
    if not os.path.exists(remembered):
        os.makedirs(STATE, exist_ok=True)
        choice = "kvm" if kvm_works(kernel_version(options["kernel"])) else "tcg,thread=multi"
        with open(remembered, "w", encoding="ascii") as file:
            file.write(choice)
    with open(remembered, encoding="ascii") as file:
        return file.read(), "2"


def arguments(name, options, interactive):
    """The whole QEMU command line."""
    version = kernel_version(options["kernel"])
    accel, cpus = accelerator(options)
    state = state_dir(name)
    command = base_arguments(version, accel) + [
        "-smp", cpus,
        "-drive", f"file={CACHE}/base.ext4,format=raw,if=virtio,snapshot=on,cache=unsafe",
        "-fsdev", f"local,id=src,path={SRC},security_model=none,readonly=on,multidevs=remap",
        "-device", "virtio-9p-pci,fsdev=src,mount_tag=src",
        "-device", "virtio-serial-pci",
        "-chardev", f"socket,id=agent,path={state}/agent.sock,server=on,wait=off",
        "-device", "virtserialport,chardev=agent,name=org.zaccel.agent.0",
        "-qmp", f"unix:{state}/qmp.sock,server=on,wait=off"]
    # An emulated CPU stands still now and then, and the kernel would blame its clock: the one that it
    # turns to takes microseconds to be read.
    append = ["console=ttyS0", "panic=-1", "quiet", "mitigations=off", "printk.devkmsg=on",
              "log_buf_len=4M", "tsc=reliable", *options["append"]]
    if options["icount"]:
        command += ["-icount", "shift=1,sleep=off"]
    if options["share"]:
        command += ["-fsdev", f"local,id=share,path={options['share']},security_model=none,multidevs=remap",
                    "-device", "virtio-9p-pci,fsdev=share,mount_tag=share"]
        append.append("machine.share")
    if options["display"]:
        command += ["-device", "cirrus-vga"]
    for device in options["device"]:
        command += ["-device", device]
    console = f"logfile={log_dir(name)}/console.log"
    if interactive:
        command += ["-chardev", f"stdio,id=console,mux=on,signal=off,{console}", "-mon", "console"]
        append.append("machine.shell")
    else:
        command += ["-chardev", f"null,id=console,{console}"]
    return command + ["-serial", "chardev:console", "-append", " ".join(append)]


def prepare(name):
    """Empty state and log directories; out/vm/console.log names the latest console."""
    shutil.rmtree(state_dir(name), ignore_errors=True)
    os.makedirs(state_dir(name))
    os.makedirs(log_dir(name), exist_ok=True)
    for old in glob.glob(log_dir(name) + "/*.log"):
        os.unlink(old)
    link = os.path.join(SRC, "out/vm/console.log")
    temporary = f"{link}.{os.getpid()}"
    os.symlink(f"{name}/console.log", temporary)
    os.replace(temporary, link)


def start(name, options):
    """Starts QEMU in the background, in a session of its own."""
    prepare(name)
    with open(log_dir(name) + "/qemu.log", "wb") as log:
        process = subprocess.Popen(arguments(name, options, False), stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, start_new_session=True,
                                   env={**os.environ, "TMPDIR": log_dir(name)})
    with open(state_dir(name) + "/pid", "w", encoding="ascii") as file:
        file.write(str(process.pid))
    return process


def console(name):
    try:
        with open(log_dir(name) + "/console.log", encoding="utf-8", errors="replace") as log:
            return log.read()
    except OSError:
        return ""


def wait_for(name, process, mark, seconds):
    """True when MARK appears on the console, False when QEMU ends or time runs out first."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if mark in console(name):
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.05)
    return False


def pid_of(name):
    """QEMU's process id, or None when it does not run."""
    try:
        with open(state_dir(name) + "/pid", encoding="ascii") as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return None if stat.read().rsplit(")", 1)[1].split()[0] == "Z" else pid
    except (OSError, ValueError):
        return None


def kill(name):
    pid = pid_of(name)
    if pid:
        os.kill(pid, signal.SIGKILL)
    while pid_of(name):
        time.sleep(0.02)


def tail(name, lines=25):
    """The last lines of the console and of QEMU's own messages, for an error report."""
    text = console(name).splitlines()[-lines:]
    with open(log_dir(name) + "/qemu.log", encoding="utf-8", errors="replace") as log:
        text += log.read().splitlines()[-10:]
    return "\n".join("  " + line for line in text)
