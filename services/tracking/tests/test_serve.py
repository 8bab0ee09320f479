"""`trivet-tracking serve` as a process: how it starts, how it refuses to, what it says of itself, how it stops.

A start costs seconds of a processor, so a test makes the most of each.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import grpc
import psycopg2
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from trivet_proto.common.v1 import system_service_pb2, system_service_pb2_grpc
from trivet_proto.tracking.v1 import experiment_pb2, tracking_service_pb2, tracking_service_pb2_grpc
from trivet_testing.authorities import Authority
from trivet_testing.servers import ServerProcess, free_port, run_to_exit
from trivet_testing.tracking import start_server
from trivet_tracking.server import migrations, open_database

SERVE = (sys.executable, "-m", "trivet_tracking", "serve")
TRACKING = "trivet.tracking.v1.TrackingService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SECRET = "hunter2"


@pytest.fixture(scope="module")
def migrated_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('serve') / 'tracking.db'}"
    bring_up_to_date(url)
    return url


def bring_up_to_date(url: str) -> None:
    with closing(open_database(url)) as database:
        migrations(database).upgrade()


def refusal(*options: str, **env: str) -> str:
    """The one line that a start ends with which cannot succeed."""
    ended = run_to_exit([*SERVE, *options], {"TRIVET_LISTEN": "127.0.0.1:0", **env})
    assert (ended.returncode, ended.stdout) == (1, ""), ended
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("trivet-tracking: ")
    return lines[0]


def health_of(channel: grpc.Channel, service: str = "") -> int:
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=30)
    status: int = answer.status
    return status


def health_command(*options: str, **env: str) -> tuple[int, str]:
    """The exit code of `trivet-tracking health`, and the one line that it prints."""
    ended = run_to_exit([sys.executable, "-m", "trivet_tracking", "health", *options], env)
    (line,) = (ended.stdout + ended.stderr).splitlines()
    return ended.returncode, line


def await_health(channel: grpc.Channel, service: str, status: int) -> None:
    """Returns when health says so."""
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=service), timeout=60)
    try:
        assert any(answer.status == status for answer in watch)
    finally:
        watch.cancel()


def server_info(channel: grpc.Channel) -> system_service_pb2.ServerInfo:
    stub = system_service_pb2_grpc.SystemServiceStub(channel)
    return stub.GetServerInfo(system_service_pb2.GetServerInfoRequest(), timeout=30)


def experiments(channel: grpc.Channel) -> tracking_service_pb2_grpc.TrackingServiceStub:
    return tracking_service_pb2_grpc.TrackingServiceStub(channel)


CREATE = tracking_service_pb2.CreateExperimentRequest(
    parent="workspaces/default", experiment=experiment_pb2.Experiment(display_name="in flight")
)
GET_DEFAULT = tracking_service_pb2.GetExperimentRequest(name="workspaces/default/experiments/0")


def test_serve_says_what_it_is_and_drains_by_rpc(migrated_url: str) -> None:
    with start_server(migrated_url) as server, grpc.insecure_channel(server.address) as channel:
        await_health(channel, TRACKING, SERVING)
        assert health_of(channel) == SERVING
        with pytest.raises(grpc.RpcError) as unknown:
            health_of(channel, "trivet.fly.v1.FlyService")
        assert unknown.value.code() == grpc.StatusCode.NOT_FOUND

        assert sorted(ProtoReflectionDescriptorDatabase(channel).get_services()) == [
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
            "trivet.common.v1.SystemService",
            TRACKING,
        ]

        info = server_info(channel)
        assert list(info.services) == ["trivet.common.v1.SystemService", TRACKING]
        assert not info.authentication_required
        assert info.version
        assert info.limits == system_service_pb2.Limits(
            max_message_bytes=8 * 1024 * 1024,
            max_key_characters=250,
            max_param_value_bytes=16 * 1024,
            max_tag_value_bytes=64 * 1024,
            max_display_name_characters=500,
            max_page_size=1000,
        )

        here = {"TRIVET_LISTEN": server.address}
        assert health_command(**here) == (0, "trivet-tracking serves.")
        assert health_command("--ready", **here) == (0, f"trivet-tracking serves {TRACKING}.")

        # A port that has a server is no place for another.
        line = refusal(TRIVET_DATABASE_URL=migrated_url, TRIVET_LISTEN=server.address)
        assert line == f"trivet-tracking: Cannot listen on {server.address}: address already in use."

        system = system_service_pb2_grpc.SystemServiceStub(channel)
        for _ in range(2):
            system.Drain(system_service_pb2.DrainRequest(), timeout=30)
            for service in ("", TRACKING):
                await_health(channel, service, NOT_SERVING)
                assert health_of(channel, service) == NOT_SERVING
            assert experiments(channel).GetExperiment(GET_DEFAULT, timeout=30).display_name == "Default"
        assert health_command(**here) == (1, f"trivet-tracking: {server.address} is NOT_SERVING.")
        assert server.exit_code is None
        assert server.terminate() == 0
        code, line = health_command(**here)
        assert code == 1
        assert line.startswith(f"trivet-tracking: {server.address} does not answer: ")
        assert server.stdout_lines == [f"trivet-tracking is ready: grpc {server.address}"]


def test_sigterm_lets_a_call_in_flight_end_well_and_a_second_one_does_no_harm(postgres_url: str) -> None:
    bring_up_to_date(postgres_url)
    with (
        start_server(postgres_url) as server,
        grpc.insecure_channel(server.address) as channel,
        closing(psycopg2.connect(postgres_url)) as blocker,
        blocker.cursor() as cursor,
        ThreadPoolExecutor(2) as threads,
    ):
        await_health(channel, TRACKING, SERVING)
        cursor.execute("LOCK TABLE trivet_tracking.experiment IN ACCESS EXCLUSIVE MODE")
        call = threads.submit(experiments(channel).CreateExperiment, CREATE, timeout=30)
        await_blocked_statement(postgres_url)
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=30)
        assert next(watch).status == SERVING
        ending = threads.submit(server.terminate)
        assert next(watch).status == NOT_SERVING
        watch.cancel()
        assert not ending.done()
        signal_again(server)
        assert not call.done()
        blocker.rollback()
        assert call.result().name == "workspaces/default/experiments/1"
        assert ending.result() == 0
    assert "Traceback" not in server.stderr


def test_an_old_connection_is_given_up_and_its_running_calls_are_not(migrated_url: str, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text(f"{migrated_url}\n")
    settings = {"TRIVET_DATABASE_URL_FILE": str(secret), "TRIVET_MAX_CONNECTION_AGE_SECONDS": "1"}
    with start_server("", **settings) as server, grpc.insecure_channel(server.address) as channel:
        left = threading.Event()
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == SERVING
        channel.subscribe(lambda state: left.set() if state != grpc.ChannelConnectivity.READY else None)
        assert left.wait(30)
        assert experiments(channel).GetExperiment(GET_DEFAULT, timeout=30).display_name == "Default"
        system_service_pb2_grpc.SystemServiceStub(channel).Drain(system_service_pb2.DrainRequest(), timeout=30)
        assert next(watch).status == NOT_SERVING
        watch.cancel()


def test_a_watcher_of_health_does_not_hold_up_the_stop(migrated_url: str) -> None:
    with start_server(migrated_url) as server, grpc.insecure_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == SERVING
        # Well below the 20 s that calls have to end.
        assert server.terminate(timeout_seconds=10) == 0
        assert next(watch).status == NOT_SERVING


def test_services_are_ready_when_the_server_says_so(migrated_url: str) -> None:
    with start_server(migrated_url) as server, grpc.insecure_channel(server.address) as channel:
        assert health_of(channel, TRACKING) == SERVING


def await_blocked_statement(url: str) -> None:
    """Returns when a statement waits for a lock."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        waiting: tuple[int, ...] | None = (0,)
        while waiting == (0,):
            # As an own statement of each round, so that the state is seen afresh.
            cursor.execute(
                "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
                "WHERE datname = current_database() AND NOT granted"
            )
            waiting = cursor.fetchone()


def signal_again(server: ServerProcess) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        subprocess.run(["kill", f"-{number.value}", str(server.pid)], check=True)


def warned_port(server: ServerProcess) -> str:
    """The port of a server that must have warned that it is open to others."""
    warning = json.loads(server.wait_for_line("authentication is off", on="stderr").string)
    assert warning["level"] == "WARNING"
    assert f"whoever reaches {server.address} may do everything" in warning["message"]
    return server.address.rpartition(":")[2]


def test_insecure_no_auth_lets_others_in_and_warns(migrated_url: str) -> None:
    with (
        start_server(migrated_url, "0.0.0.0:0", TRIVET_INSECURE_NO_AUTH="true") as server,
        grpc.insecure_channel(f"127.0.0.1:{warned_port(server)}") as channel,
    ):
        assert server_info(channel).version


def test_serve_listens_on_a_unix_socket(migrated_url: str, tmp_path: Path) -> None:
    with start_server(migrated_url, f"unix:{tmp_path / 'trivet.sock'}") as server:
        assert server.address == f"unix:{tmp_path / 'trivet.sock'}"
        with grpc.insecure_channel(server.address) as channel:
            assert server_info(channel).version


def test_a_socket_that_another_server_has_is_refused(migrated_url: str, tmp_path: Path) -> None:
    address = f"unix:{tmp_path / 'trivet.sock'}"
    with start_server(migrated_url, address) as server:
        line = refusal(TRIVET_DATABASE_URL=migrated_url, TRIVET_LISTEN=address)
        assert line == f"trivet-tracking: Cannot listen on {address}: another server does."
        with grpc.insecure_channel(address) as channel:
            assert server_info(channel).version
        server.kill()
    # What a killed server leaves behind is in nobody's way.
    with start_server(migrated_url, address), grpc.insecure_channel(address) as channel:
        assert server_info(channel).version


def test_start_with_a_setting_that_no_server_could_have_is_refused(migrated_url: str) -> None:
    line = refusal(TRIVET_DATABASE_URL=migrated_url, TRIVET_LISTEN="everywhere")
    assert line == (
        "trivet-tracking: TRIVET_LISTEN is 'everywhere'; it must be HOST:PORT or unix:PATH, such as 127.0.0.1:7332."
    )


def test_start_on_another_host_without_authentication_is_refused(migrated_url: str) -> None:
    line = refusal(TRIVET_DATABASE_URL=migrated_url, TRIVET_LISTEN="0.0.0.0:0")
    assert "0.0.0.0:0 can be reached from other machines, and authentication is not set up" in line
    assert "--insecure-no-auth (TRIVET_INSECURE_NO_AUTH=true)" in line


def test_start_without_a_database_is_refused() -> None:
    assert "TRIVET_DATABASE_URL must be postgresql://" in refusal()


def test_start_with_a_database_of_another_kind_is_refused_and_tells_no_password() -> None:
    line = refusal("--database-url", f"mysql://trivet:{SECRET}@db/trivet")
    assert "TRIVET_DATABASE_URL must be postgresql://" in line
    assert SECRET not in line


def test_start_with_a_database_that_is_away_is_refused_and_tells_no_password() -> None:
    port = free_port()
    line = refusal(TRIVET_DATABASE_URL=f"postgresql://trivet:{SECRET}@127.0.0.1:{port}/trivet")
    assert f"127.0.0.1:{port}" in line
    assert "Connection refused" in line
    assert SECRET not in line
    # Its options may have one too, and what the driver says of them.
    line = refusal(
        TRIVET_DATABASE_URL=f"postgresql://trivet@127.0.0.1:{port}/trivet?password={SECRET}&sslpassword={SECRET}"
    )
    assert "Connection refused" in line
    assert SECRET not in line


def test_a_database_in_the_wrong_place_of_the_command_line_is_refused_and_tells_no_password() -> None:
    url = f"postgresql://trivet:{SECRET}@db/trivet"
    shown = "postgresql://trivet:[redacted]@db/trivet"
    ended = run_to_exit([*SERVE, url], {})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert shown in ended.stderr
    assert SECRET not in ended.stderr
    assert refusal(TRIVET_LISTEN=url).startswith(f"trivet-tracking: TRIVET_LISTEN is {shown!r}; ")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def identity(authority: Authority) -> tuple[Path, Path]:
    return authority.issue("server")


@pytest.fixture
def tls_settings(identity: tuple[Path, Path]) -> dict[str, str]:
    return {"TRIVET_TLS_CERT": str(identity[0]), "TRIVET_TLS_KEY": str(identity[1])}


@pytest.fixture
def client_identity(authority: Authority) -> grpc.ChannelCredentials:
    certificate, key = authority.issue("client")
    return grpc.ssl_channel_credentials(authority.certificate.read_bytes(), key.read_bytes(), certificate.read_bytes())


def fails_to_connect(channel: grpc.Channel) -> bool:
    with pytest.raises(grpc.RpcError) as failure:
        server_info(channel)
    unavailable: bool = failure.value.code() == grpc.StatusCode.UNAVAILABLE
    return unavailable


def test_tls_serves_those_who_trust_its_authority_and_nobody_in_plain_text(
    migrated_url: str, authority: Authority, tls_settings: dict[str, str]
) -> None:
    trusting = grpc.ssl_channel_credentials(authority.certificate.read_bytes())
    # TLS is no authentication: the server warns at this start, too.
    with start_server(migrated_url, "0.0.0.0:0", TRIVET_INSECURE_NO_AUTH="1", **tls_settings) as server:
        address = f"127.0.0.1:{warned_port(server)}"
        with grpc.secure_channel(address, trusting) as channel:
            assert server_info(channel).version
        listen = f"0.0.0.0:{address.rpartition(':')[2]}"
        assert health_command(TRIVET_LISTEN=listen, **tls_settings) == (0, "trivet-tracking serves.")
        assert health_command(TRIVET_LISTEN=listen)[0] == 1
        other = dict(zip(tls_settings, map(str, authority.issue("other server")), strict=True))
        code, line = health_command(TRIVET_LISTEN=listen, **other)
        assert code == 1
        assert "certificate verify failed" in line
        with grpc.insecure_channel(address) as channel:
            assert fails_to_connect(channel)
        with grpc.secure_channel(address, grpc.ssl_channel_credentials()) as channel:
            assert fails_to_connect(channel)


def test_mutual_tls_serves_only_clients_with_a_certificate_of_the_authority(
    migrated_url: str,
    authority: Authority,
    tls_settings: dict[str, str],
    client_identity: grpc.ChannelCredentials,
    tmp_path: Path,
) -> None:
    stranger_certificate, stranger_key = Authority(tmp_path).issue("stranger")
    root = authority.certificate.read_bytes()
    stranger = grpc.ssl_channel_credentials(root, stranger_key.read_bytes(), stranger_certificate.read_bytes())
    with start_server(migrated_url, TRIVET_TLS_CLIENT_CA=str(authority.certificate), **tls_settings) as server:
        with grpc.secure_channel(server.address, client_identity) as channel:
            assert server_info(channel).version
        own = {"TRIVET_LISTEN": server.address, "TRIVET_TLS_CLIENT_CA": str(authority.certificate)}
        assert health_command("--ready", **own, **tls_settings) == (0, f"trivet-tracking serves {TRACKING}.")
        for other in (grpc.ssl_channel_credentials(root), stranger):
            with grpc.secure_channel(server.address, other) as channel:
                assert fails_to_connect(channel)


def test_certificate_is_read_anew_for_those_who_connect_and_a_bad_one_is_not_taken(
    migrated_url: str, authority: Authority, identity: tuple[Path, Path], tmp_path: Path
) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    others = Authority(tmp_path)

    def put(new_certificate: Path, new_key: Path) -> None:
        for file, new in ((certificate, new_certificate), (key, new_key)):
            file.with_suffix(".new").write_bytes(new.read_bytes())
            file.with_suffix(".new").rename(file)

    def connected(trusted: Authority) -> grpc.Channel:
        # With sockets of its own; else it would go over the connection that is there.
        credentials = grpc.ssl_channel_credentials(trusted.certificate.read_bytes())
        return grpc.secure_channel(server.address, credentials, (("grpc.use_local_subchannel_pool", 1),))

    put(*identity)
    files = {"TRIVET_TLS_CERT": str(certificate), "TRIVET_TLS_KEY": str(key)}
    with start_server(migrated_url, **files) as server, connected(authority) as kept:
        assert server_info(kept).version
        put(identity[0], others.issue("another")[1])
        with connected(authority) as channel:
            assert server_info(channel).version
        server.wait_for_line("are not a certificate and its key.* The certificate before stays", on="stderr")
        put(*others.issue("server"))
        with connected(others) as channel:
            assert server_info(channel).version
        with connected(authority) as channel:
            assert fails_to_connect(channel)
        assert health_command(TRIVET_LISTEN=server.address, **files) == (0, "trivet-tracking serves.")
        assert server_info(kept).version


def test_start_with_tls_files_that_do_not_fit_together_is_refused(
    migrated_url: str, authority: Authority, tls_settings: dict[str, str]
) -> None:
    _, other_key = authority.issue("other")
    settings = tls_settings | {"TRIVET_TLS_KEY": str(other_key)}
    line = refusal(TRIVET_DATABASE_URL=migrated_url, **settings)
    assert "are not a certificate and its key" in line
    assert str(other_key) in line
