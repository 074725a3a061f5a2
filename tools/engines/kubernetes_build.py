"""Kubernetes' programs, built of Debian 12's source package with Debian's Go.

No binary of an API server or a kubelet is among Debian's packages. What is built is kept for all
checkouts of this user, outside of them.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import tempfile
import time
from pathlib import Path

from engine import EngineError, debian, install, locked, run

VERSION = "1.20.2"
RELEASE = "bookworm"
"""The last release of Debian whose source package has all of Kubernetes."""

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")

PACKAGES = ("debian-archive-keyring", "dpkg-dev", "golang-go")
"""What building needs of Debian."""

BUILD_SECONDS = 7200.0
"""How long it may take: half an hour was seen on two cores that had much else to do."""

PACKAGE = "k8s.io/kubernetes"

FLAGS = (
    # No clouds, no Docker: the node runs containerd.
    "-tags=providerless,dockerless",
    # Nobody debugs them.
    f"-gcflags={PACKAGE}/...=-dwarf=false",
    f"-gcflags={PACKAGE}/vendor/...=-dwarf=false",
)
"""How they are built. What Go's own packages have been built with already is left as it is."""

COLLECT_PERCENT = 400
"""How much a compiler's memory grows before it looks for what it no longer needs (`GOGC`)."""

VERSIONS = ("component-base/version", "client-go/pkg/version")
"""The packages that are told their version by the linker."""

# The API server has to know the schema of what it serves. A release is built with Go code that is
# generated from all its types. The same definitions are in the source, as the document that the
# release published: to read that at the start needs neither the generator, nor a compiler that has
# to work through megabytes of literals.
SCHEMA = """\
package openapi

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"strings"
	"sync"

	"github.com/go-openapi/spec"
	"k8s.io/kube-openapi/pkg/common"
)

//go:embed swagger.json
var published []byte

var reference = regexp.MustCompile(`"#/definitions/([^"]+)"`)

var (
	once        sync.Once
	definitions = map[string]common.OpenAPIDefinition{}
)

// options are parameters of requests: the document has them one by one.
var options = []string{
	"NodeProxyOptions",
	"PodAttachOptions",
	"PodExecOptions",
	"PodPortForwardOptions",
	"PodProxyOptions",
	"ServiceProxyOptions",
}

// goName turns io.k8s.api.batch.v1.Job into k8s.io/api/batch/v1.Job.
func goName(name string) string {
	path := strings.TrimPrefix(name, "io.k8s.")
	dot := strings.LastIndex(path, ".")
	return "k8s.io/" + strings.ReplaceAll(path[:dot], ".", "/") + path[dot:]
}

func read() {
	var document struct {
		Definitions map[string]json.RawMessage `json:"definitions"`
	}
	if err := json.Unmarshal(published, &document); err != nil {
		panic(err)
	}
	for name, text := range document.Definitions {
		definition := common.OpenAPIDefinition{}
		if err := json.Unmarshal(text, &definition.Schema); err != nil {
			panic(err)
		}
		for _, match := range reference.FindAllSubmatch(text, -1) {
			definition.Dependencies = append(definition.Dependencies, goName(string(match[1])))
		}
		definitions[goName(name)] = definition
	}
	for _, name := range options {
		definition := common.OpenAPIDefinition{}
		definition.Schema.Type = []string{"object"}
		definitions["k8s.io/api/core/v1."+name] = definition
	}
}

// GetOpenAPIDefinitions returns the definitions. Callers add to a definition's extensions: each
// gets its own.
func GetOpenAPIDefinitions(common.ReferenceCallback) map[string]common.OpenAPIDefinition {
	once.Do(read)
	result := make(map[string]common.OpenAPIDefinition, len(definitions))
	for name, definition := range definitions {
		extensions := spec.Extensions{}
		for key, value := range definition.Schema.Extensions {
			extensions[key] = value
		}
		definition.Schema.Extensions = extensions
		result[name] = definition
	}
	return result
}
"""

RECIPE = hashlib.sha256(repr((PROGRAMS, FLAGS, SCHEMA)).encode()).hexdigest()[:8]
"""Tells programs that were built differently."""


def programs() -> Path:
    """Return the directory of the programs. They are built if they are not there.

    Raises:
        EngineError: If they can't be built.
    """
    # Not HOME: tests have one of their own, and must not build.
    home = pwd.getpwuid(os.geteuid()).pw_dir
    cache = Path(os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache") / "zenml-kit"
    built = cache / f"kubernetes-{VERSION}-{RECIPE}"
    if _is_complete(built):
        return built
    cache.mkdir(parents=True, exist_ok=True)
    with locked(
        cache / f"{built.name}.lock", "another checkout that builds Kubernetes", BUILD_SECONDS
    ):
        if not _is_complete(built):
            # What was left by those who were killed.
            for scratch in cache.glob(f"{built.name}.*.partial"):
                shutil.rmtree(scratch)
            shutil.rmtree(built, ignore_errors=True)
            install(PACKAGES)
            began = time.monotonic()
            print(f"  building Kubernetes {VERSION}, once, in {built}", flush=True)
            with tempfile.TemporaryDirectory(
                prefix=f"{built.name}.", suffix=".partial", dir=cache
            ) as scratch_name:
                _build(Path(scratch_name)).rename(built)
            print(f"  built in {time.monotonic() - began:.0f} s", flush=True)
    return built


def _is_complete(built: Path) -> bool:
    """Tell whether the programs are there."""
    return all(os.access(built / program, os.X_OK) for program in PROGRAMS)


def _build(scratch: Path) -> Path:
    """Build the programs.

    Args:
        scratch: An empty directory.

    Returns:
        The directory of the programs, below that one.
    """
    source = _fetch(scratch)
    # Its modules don't match its dependencies: it is built the way that was there before modules.
    root = scratch / "go/src" / PACKAGE
    root.parent.mkdir(parents=True)
    root.symlink_to(source)
    schema = source / "pkg/generated/openapi"
    (schema / "published.go").write_text(SCHEMA, encoding="utf-8")
    shutil.copy(source / "api/openapi-spec/swagger.json", schema)
    built = scratch / "programs"
    built.mkdir()
    major, minor, _ = VERSION.split(".")
    known = {"gitVersion": f"v{VERSION}", "gitMajor": major, "gitMinor": minor}
    told = [
        f"-X {PACKAGE}/vendor/k8s.io/{package}.{name}={value}"
        for package in VERSIONS
        for name, value in known.items()
    ]
    run(
        *("go", "build", *FLAGS, f"-ldflags={' '.join(['-s -w', *told])}"),
        *("-o", f"{built}/", *(f"{PACKAGE}/cmd/{program}" for program in PROGRAMS)),
        directory=root,
        environment={
            "HOME": str(scratch),
            "GOCACHE": str(scratch / "cache"),
            "GOENV": "off",
            "GOTMPDIR": str(scratch),
            "GOFLAGS": "",
            "GOPATH": str(scratch / "go"),
            "GO111MODULE": "off",
            "CGO_ENABLED": "0",
            "GOGC": str(COLLECT_PERCENT),
            # Go finds where it is by this, not by resolving the link.
            "PWD": str(root),
        },
        seconds=BUILD_SECONDS,
    )
    return built


def _fetch(scratch: Path) -> Path:
    """Fetch and unpack the source, and leave the machine's own lists of packages alone."""
    mirror, _ = debian()
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    sources = scratch / "sources.list"
    sources.write_text(f"deb-src [signed-by={keyring}] {mirror} {RELEASE} main\n", encoding="utf-8")
    for name in ("lists/partial", "archives/partial"):
        (scratch / name).mkdir(parents=True)
    settings = {
        "Dir::Etc::SourceList": str(sources),
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": str(scratch / "lists"),
        "Dir::Cache": str(scratch),
        "Acquire::Languages": "none",
        # The user that apt would take instead can't write here.
        "APT::Sandbox::User": "root",
    }
    apt = ("apt-get", "-q", *(f"--option={name}={value}" for name, value in settings.items()))
    run(*apt, "update", seconds=300)
    run(*apt, "source", "kubernetes", directory=scratch, seconds=600)
    found = [path for path in scratch.glob("kubernetes-*") if path.is_dir()]
    if len(found) != 1 or not found[0].name.endswith(f"really{VERSION}"):
        names = ", ".join(path.name for path in found) or "nothing"
        raise EngineError(f"Debian's source package `kubernetes` has {names}, and not {VERSION}")
    return found[0]
