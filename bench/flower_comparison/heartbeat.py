"""The cost of one signed request, measured on the one that both servers answer at once: the heartbeat of a node."""

import base64
import http.client
import statistics
import time
from datetime import datetime, timezone

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flwr.proto import fleet_pb2, heartbeat_pb2, node_pb2


class Node:
    """A node that only registers and beats."""

    def __init__(self, address):
        self._key = ec.generate_private_key(ec.SECP384R1())
        self._public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        host, _, port = address.rpartition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=30)
        self._call("register-node", fleet_pb2.RegisterNodeFleetRequest(public_key=self._public))
        answer = self._call(
            "activate-node", fleet_pb2.ActivateNodeRequest(public_key=self._public, heartbeat_interval=30)
        )
        self.id = fleet_pb2.ActivateNodeResponse.FromString(answer).node_id

    def headers(self):
        """Signed afresh, as a node does for each request."""
        moment = datetime.now(timezone.utc).isoformat()
        signature = self._key.sign(moment.encode("ascii"), ec.ECDSA(hashes.SHA256()))
        return {
            "content-type": "application/protobuf",
            "accept": "application/protobuf",
            "flwr-public-key": base64.b64encode(self._public).decode(),
            "flwr-timestamp": moment,
            "flwr-signature": base64.b64encode(signature).decode(),
            "flwr-package-name": "flwr",
            "flwr-package-version": "1.42.0",
            "flwr-component-name": "SuperNode",
        }

    def _call(self, path, message):
        self._connection.request("POST", f"/v1/fleet/{path}", message.SerializeToString(), self.headers())
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered with {answer.status}: {body[:300]!r}")
        return body

    def beat(self):
        """One heartbeat."""
        request = heartbeat_pb2.SendNodeHeartbeatRequest(node=node_pb2.Node(node_id=self.id), heartbeat_interval=30)
        answer = heartbeat_pb2.SendNodeHeartbeatResponse.FromString(self._call("send-node-heartbeat", request))
        if not answer.success:
            raise RuntimeError("the server does not know the node")

    def leave(self):
        """Unregisters, so that no later round waits for this node."""
        self._call("deactivate-node", fleet_pb2.DeactivateNodeRequest(node_id=self.id))
        self._call("unregister-node", fleet_pb2.UnregisterNodeFleetRequest(node_id=self.id))
        self._connection.close()


def measure(server, count):
    """CPU and wall seconds per request on one kept connection, after as many as a tenth for warming up."""
    node = Node(server.address)
    for _ in range(max(count // 10, 1)):
        node.beat()
    before, walls = server.process.cpu(), []
    for _ in range(count):
        began = time.perf_counter()
        node.beat()
        walls.append(time.perf_counter() - began)
    cpu = server.process.cpu() - before
    node.leave()
    return {"requests": count, "cpu_seconds_each": cpu / count, "wall_seconds_median": statistics.median(walls)}
