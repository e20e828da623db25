"""Celery with Redis as its broker: prefork workers, each with a connection of its own.

Run as a program it starts a private Redis (on a socket in a folder of its own, synced every second) and the workers, and
speaks with the bench as order.mjs describes. The workers import it as a module.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import celery
import psycopg
import redis
from celery.signals import worker_process_init

FOLDER = os.environ.get("PEER_FOLDER", "")
ORDER = json.loads(os.environ.get("PEER_ORDER", "null"))
DONE = "done"

app = celery.Celery("assign", broker=f"redis+socket://{FOLDER}/redis.sock")
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, worker_send_task_events=False,
                worker_hijack_root_logger=False, task_acks_late=True,
                worker_prefetch_multiplier=64 if ORDER and ORDER["devices_per_job"] == 1 else 1)
_of_process = {}


def connect(order):
    # With RawCursor the statements are sent as they are, with $1.
    return psycopg.connect(host=order["host"], port=order["port"], user=order["user"], dbname=order["database"],
                           autocommit=True, prepare_threshold=0, cursor_factory=psycopg.RawCursor)


@worker_process_init.connect
def open_connections(**_):
    _of_process["database"] = connect(ORDER)
    _of_process["redis"] = redis.Redis(unix_socket_path=f"{FOLDER}/redis.sock")
    _of_process["redis"].rpush("warm", os.getpid())


@app.task(name="assign")
def assign(first, last):
    try:
        run(_of_process["database"], ORDER, ORDER["statements"], first, last)
        word = "ok"
    except psycopg.Error as error:
        word = str(error)
    # Counting here is cheaper than a result per task, which is what Celery would do.
    _of_process["redis"].rpush(DONE, word)


def run(connection, order, statements, first, last):
    values = [order["tenant"], order["change"], first, last]
    if len(statements) == 1:
        connection.execute(statements[0], values)
        return
    with connection.transaction():
        for statement in statements:
            connection.execute(statement, values)


def dies_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def start(command, **more):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=dies_with_us, **more)


def wait_for(server, count, key):
    words = []
    while len(words) < count:
        popped = server.blpop(key, timeout=120)
        if popped is None:
            sys.exit(f"only {len(words)} of {count} in {key}")
        words.append(popped[1].decode())
    return words


def speak(folder, started):
    order = json.loads(sys.stdin.readline())
    per_device = order["devices_per_job"] == 1
    workers = 8 if per_device else order["workers"]
    socket = f"{folder}/redis.sock"
    started.append(start(["redis-server", "--port", "0", "--unixsocket", socket, "--dir", folder,
                          "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]))
    server = redis.Redis(unix_socket_path=socket)
    for _ in range(100):
        if os.path.exists(socket):
            break
        time.sleep(0.05)
    # As root it would warn, once per run.
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "C_FORCE_ROOT": "1", "PEER_FOLDER": folder, "PEER_ORDER": json.dumps(order)}
    started.append(start([sys.executable, "-m", "celery", "-A", "celery_peer", "worker", "--pool", "prefork",
                          "--concurrency", str(workers), "--loglevel", "ERROR", "--without-gossip", "--without-mingle",
                          "--without-heartbeat"], env=environment, cwd=os.path.dirname(os.path.abspath(__file__))))
    wait_for(server, workers, "warm")
    database = connect(order)
    queue = celery.Celery("assign", broker=f"redis+socket://{socket}")
    queue.conf.task_ignore_result = True
    with queue.connection_for_write() as broker, queue.amqp.Producer(broker) as producer:
        print("ready", flush=True)
        sys.stdin.readline()
        step, jobs = order["devices_per_job"], 0
        for first in range(1, order["devices"] + 1, step):
            last = min(first + step - 1, order["devices"])
            queue.send_task("assign", (first, last), producer=producer)
            jobs += 1
        bad = [word for word in wait_for(server, jobs, DONE) if word != "ok"]
        if bad:
            sys.exit(bad[0])
        for statement in order["at_the_end"]:
            run(database, order, [statement], 1, order["devices"])
        print(json.dumps({"jobs": jobs}), flush=True)
    database.close()
    sys.stdin.readline()


def main():
    started = []
    with tempfile.TemporaryDirectory(prefix="ascribe-celery.") as folder:
        try:
            speak(folder, started)
        finally:
            for process in reversed(started):
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


if __name__ == "__main__":
    main()
