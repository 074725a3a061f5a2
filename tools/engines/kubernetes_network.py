"""The addresses of a Kubernetes cluster on this machine: those of its pods, and the API server's.

All of them are on a bridge that no other machine has a route to, and go with it. There is no
`kube-proxy`: the API server itself has the address and the port of the first service, which is
where a pod looks for it. No firewall rule is needed for that, and no forwarding.
"""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass

import psutil

from engine import EngineError, run

SERVICES = "10.96.{number}.0/24"
PODS = "10.97.{number}.0/24"
"""The number tells clusters on one machine from each other."""

API_PORT = 443


@dataclass(frozen=True)
class Network:
    """A bridge, and the addresses that belong to it."""

    number: int

    @property
    def name(self) -> str:
        """What the bridge is called, and what else there is once for each cluster on a machine."""
        return f"zenml-kit-{self.number}"

    @property
    def services(self) -> ipaddress.IPv4Network:
        """The addresses of services."""
        return ipaddress.IPv4Network(SERVICES.format(number=self.number))

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """The addresses of pods that do not use the machine's."""
        return ipaddress.IPv4Network(PODS.format(number=self.number))

    @property
    def api_server(self) -> str:
        """The API server's address: that of the service `kubernetes`."""
        return str(self.services[1])

    @property
    def plugins(self) -> dict[str, object]:
        """How pods get addresses, for CNI."""
        addresses = {
            "type": "host-local",
            "ranges": [[{"subnet": str(self.pods), "gateway": str(self.pods[1])}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        bridge = {"type": "bridge", "bridge": self.name, "ipam": addresses}
        return {"cniVersion": "0.4.0", "name": self.name, "plugins": [bridge]}

    @property
    def _hardware(self) -> str:
        """The address of the bridge's own, of those that anybody may choose."""
        return f"02:00:00:00:00:{self.number:02x}"

    def up(self) -> None:
        """Make the bridge, unless it is there, and give it its addresses.

        Raises:
            EngineError: If that is not possible.
        """
        if self.name not in psutil.net_if_addrs():
            # Without an address of its own, a bridge takes that of a pod, and another one when the
            # pod ends. All other pods then lose the API server for half a minute or more.
            run("ip", "link", "add", self.name, "address", self._hardware, "type", "bridge")
        run("ip", "link", "set", self.name, "up")
        for address in (f"{self.pods[1]}/{self.pods.prefixlen}", f"{self.api_server}/32"):
            run("ip", "address", "replace", address, "dev", self.name)

    def down(self) -> None:
        """Remove the bridge.

        Raises:
            EngineError: If it stays.
        """
        if self.name in psutil.net_if_addrs():
            run("ip", "link", "delete", self.name)


def new_network() -> Network:
    """Make a network that no other cluster has.

    Raises:
        EngineError: If there is none.
    """
    used = [
        ipaddress.ip_address(address.address)
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family.name == "AF_INET"
    ]
    error = EngineError(f"this machine has addresses in all of {SERVICES} and {PODS}")
    for number in random.SystemRandom().sample(range(1, 255), k=254):
        network = Network(number)
        if any(address in network.services or address in network.pods for address in used):
            continue
        try:
            network.up()
        except EngineError as failed:
            error = failed  # Somebody else may just have made it.
        else:
            return network
    raise error
