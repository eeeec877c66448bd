"""Docker and Kubernetes files: everything they name exists, and nothing is open unnecessarily.

No image is built here, since Docker may be missing. The image's contents are built as in Docker.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from prefect.settings import Settings as PrefectSettings
from prefect.settings.legacy import _get_settings_fields

from tasks.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
CONTAINERS = PROJECT / "deployments" / "containers"
DOCKERFILE = (CONTAINERS / "Dockerfile").read_text("utf-8")
COMPOSE_TEXT = (CONTAINERS / "compose.yaml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
KUBERNETES_TEXT = (CONTAINERS / "kubernetes" / "base" / "orbcast.yaml").read_text("utf-8")
KUBERNETES: list[dict[str, Any]] = list(yaml.safe_load_all(KUBERNETES_TEXT))
JOB: dict[str, Any] = json.loads(
    (CONTAINERS / "kubernetes" / "job-template.json").read_text("utf-8")
)
DOCKER_JOB: dict[str, Any] = json.loads(
    (CONTAINERS / "docker-job-template.json").read_text("utf-8")
)


KUBERNETES_VERSION = "1.34"
(SETTINGS,) = [resource["data"] for resource in KUBERNETES if resource["kind"] == "ConfigMap"]


def copied() -> Iterator[str]:
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        yield from [word for word in line.split()[:-1] if not word.startswith("--")]


def containers() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each container with its pod."""
    for resource in KUBERNETES:
        pod = resource.get("spec", {}).get("template", {}).get("spec", {})
        for one in (*pod.get("initContainers", ()), *pod.get("containers", ())):
            yield one, pod


def manifest(pod_template: dict[str, Any]) -> dict[str, Any]:
    """Return a job template with each variable replaced by its default."""
    text = json.dumps(pod_template["job_configuration"]["job_manifest"])
    for name, variable in pod_template["variables"]["properties"].items():
        samples = {"env": [], "labels": {"app": "orbcast"}, "name": "a-run"}
        value = variable.get("default", samples.get(name, ["prefect", "flow-run", "execute"]))
        text = text.replace(f'"{{{{ {name} }}}}"', json.dumps(value))
        text = text.replace(f"{{{{ {name} }}}}", str(value))
    made: dict[str, Any] = json.loads(text)
    return made


@pytest.mark.skipif(sys.platform != "linux", reason="hadolint is installed on Linux only")
def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    program = Path(sys.executable).with_name("hadolint")
    # Debian packages have no pinned version, since security updates remove old ones
    command = [program, "--ignore", "DL3008", CONTAINERS / "Dockerfile"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.parametrize("resource", [*KUBERNETES, manifest(JOB)], ids=lambda one: one["kind"])
def test_kubernetes_own_schemas_take_every_resource(resource: dict[str, Any]) -> None:
    kubernetes_validate.validate(resource, KUBERNETES_VERSION, strict=True)


def test_a_key_that_kubernetes_does_not_have_is_refused() -> None:
    wrong = {**KUBERNETES[0], "dta": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES_VERSION, strict=True)


def test_every_setting_of_a_pod_is_a_key_of_the_config_map() -> None:
    used = {
        variable["valueFrom"]["configMapKeyRef"]["key"]
        for one, _ in containers()
        for variable in one["env"]
        if "configMapKeyRef" in variable.get("valueFrom", {})
    }
    assert used == set(SETTINGS)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_the_example_changes_what_it_names_and_nothing_else() -> None:
    command = ["kubectl", "kustomize", str(CONTAINERS / "kubernetes" / "example")]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    own = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(text)}
    assert set(own) == {(one["kind"], one["metadata"]["name"]) for one in KUBERNETES}
    assert {one["metadata"]["namespace"] for one in own.values()} == {"orbcast"}
    for one in own.values():
        kubernetes_validate.validate(one, KUBERNETES_VERSION, strict=True)
    assert own["ConfigMap", "orbcast"]["data"]["markets"] == "mgc,nq"
    worker = own["Deployment", "orbcast-worker"]["spec"]["template"]["spec"]
    images = {one["image"] for one in (*worker["initContainers"], *worker["containers"])}
    assert images == {"registry.example/orbcast:1.0"}
    assert worker["containers"][0]["resources"]["limits"] == {"memory": "6Gi"}
    assert worker["containers"][0]["securityContext"]["readOnlyRootFilesystem"]


def test_a_run_in_a_pod_of_its_own_does_not_go_to_the_image_s_own_command() -> None:
    assert 'ENTRYPOINT ["orbcast"]' in DOCKERFILE  # a run's arguments would be passed to it
    (container,) = manifest(JOB)["spec"]["template"]["spec"]["containers"]
    assert [*container["command"], *container["args"]][:2] == ["env", "prefect"]
    assert container["name"] == "prefect-job"  # Prefect's worker accepts no other name
    options = DOCKER_JOB["job_configuration"]["container_create_kwargs"]
    assert options["entrypoint"] == ["env"]


def test_a_run_in_a_container_of_its_own_has_no_more_rights_than_one_of_compose() -> None:
    options = DOCKER_JOB["job_configuration"]["container_create_kwargs"]
    service = COMPOSE["services"]["worker"]
    for name in ("init", "read_only", "cap_drop", "security_opt"):
        assert options[name] == service[name], name
    assert list(options["tmpfs"]) == service["tmpfs"]
    defaults = {
        name: variable.get("default")
        for name, variable in DOCKER_JOB["variables"]["properties"].items()
    }
    assert defaults["image"] == service["image"]
    assert defaults["volumes"] == [f"{COMPOSE['name']}_{service['volumes'][0]}"]
    assert defaults["networks"] == [f"{COMPOSE['name']}_default"]


def test_what_the_image_copies_exists_and_is_not_ignored() -> None:
    kept = (PROJECT / ".dockerignore").read_text("utf-8").split("\n")
    names = list(copied())
    assert {"requirements.lock", "flows", "prefect.yaml"} <= set(names)
    for name in names:
        assert (PROJECT / name).exists(), name
        assert f"!{name}" in kept, name


def test_the_image_runs_as_nobody_in_particular_and_installs_what_is_locked() -> None:
    assert re.search(r"^USER 10001$", DOCKERFILE, re.MULTILINE)
    assert "--require-hashes -r requirements.lock" in DOCKERFILE
    assert "http" not in re.sub(r"^#.*$", "", DOCKERFILE, flags=re.MULTILINE)


def test_what_is_installed_has_every_file_that_is_read_at_run_time(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    read = [
        *(PROJECT / "deployments").glob("*/*.toml"),
        *(PROJECT / "registry" / "migrations").rglob("*.py"),
    ]
    assert len(read) > 10
    assert {str(path.relative_to(PROJECT)) for path in read} <= inside


@pytest.mark.parametrize("text", [COMPOSE_TEXT, KUBERNETES_TEXT], ids=["compose", "kubernetes"])
def test_every_variable_is_one_that_is_read(text: str) -> None:
    ours = {f"ORBCAST_{name.upper()}" for name in Settings.model_fields}
    prefects = {name for name in _get_settings_fields(PrefectSettings) if name.isupper()}
    named = set(re.findall(r"\b((?:ORBCAST|PREFECT)_[A-Z_]+)\b", text))
    assert named
    assert named - ours - prefects == set()


def test_compose_starts_nothing_without_secrets_and_opens_nothing_to_others() -> None:
    for name in ("POSTGRES_PASSWORD", "ORBCAST_AUTH", "TRADER_DATA"):
        assert set(re.findall(rf"\${{{name}(.)", COMPOSE_TEXT)) == {":"}
        assert f"{name}:?" in COMPOSE_TEXT
        assert f"\n{name}=\n" in (CONTAINERS / ".env.example").read_text("utf-8")
    ports = [
        port for container in COMPOSE["services"].values() for port in container.get("ports", ())
    ]
    assert ports == ["127.0.0.1:4200:4200"]
    for name in ("server", "deploy", "worker"):
        service = COMPOSE["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    mounted = COMPOSE["services"]["postgres"]["volumes"][1].split(":")[0]
    assert (CONTAINERS / mounted).is_file()


def test_our_own_server_is_started_and_answers_to_the_name_that_the_workers_use() -> None:
    for text in (COMPOSE_TEXT, KUBERNETES_TEXT):
        assert "prefect, server" not in text.replace('"', "")
        assert "prefect, worker" not in text.replace('"', "")
    server, worker = COMPOSE["services"]["server"], COMPOSE["services"]["worker"]
    (pod,) = [one for one, _ in containers() if one["name"] == "server"]
    workers = [one for one, _ in containers() if one["name"] != "server"]
    in_pod = {
        variable["name"]: SETTINGS.get(
            variable.get("valueFrom", {}).get("configMapKeyRef", {}).get("key"),
            variable.get("value"),
        )
        for variable in pod["env"]
    }
    for words, names, api in (
        (server["entrypoint"], server["environment"], worker["environment"]["PREFECT_API_URL"]),
        *(
            (pod["command"], in_pod, variable["value"])
            for one in workers
            for variable in one["env"]
            if variable["name"] == "PREFECT_API_URL"
        ),
    ):
        assert words[:3] == ["python", "-m", "deployments.distributed.server"]
        assert urlsplit(api).hostname in names["ORBCAST_ALLOWED_HOSTS"].split(",")
        assert "ORBCAST_AUTH" in names  # it does not start without it
    for words in (worker["entrypoint"], workers[-1]["command"]):
        assert words[:3] == ["python", "-m", "deployments.distributed.worker"]
    for probe in ("readinessProbe", "livenessProbe"):
        headers = pod[probe]["httpGet"]["httpHeaders"]
        assert headers == [{"name": "Host", "value": "localhost"}], probe


def test_every_container_on_kubernetes_has_no_rights_it_does_not_need() -> None:
    in_pods = list(containers())
    assert len(in_pods) == 3
    for one, pod in in_pods:
        assert pod["securityContext"]["runAsNonRoot"], one["name"]
        assert not pod["automountServiceAccountToken"], one["name"]
        locked = one["securityContext"]
        assert locked["readOnlyRootFilesystem"], one["name"]
        assert not locked["allowPrivilegeEscalation"], one["name"]
        assert locked["capabilities"] == {"drop": ["ALL"]}, one["name"]


def test_the_keys_of_the_secret_are_those_that_the_file_documents() -> None:
    documented = set(re.findall(r"--from-literal=([a-z-]+)=", KUBERNETES_TEXT))
    used = {
        variable["valueFrom"]["secretKeyRef"]["key"]
        for one, _ in containers()
        for variable in one["env"]
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    assert used == documented


@pytest.mark.parametrize("template", [JOB, DOCKER_JOB], ids=["kubernetes", "docker"])
def test_each_variable_of_a_job_template_is_used_and_each_used_one_is_there(
    template: dict[str, Any],
) -> None:
    used = set(re.findall(r"{{ (\w+) }}", json.dumps(template["job_configuration"])))
    assert used == set(template["variables"]["properties"])
