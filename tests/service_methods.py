"""All methods of all services that a server answers, from the definitions themselves."""

from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from ecgsvc.rpc.server import SERVICES

_STANDARD = (
    health_pb2.DESCRIPTOR.services_by_name["Health"],
    reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"],
)


def _names(service: ServiceDescriptor) -> list[str]:
    return [f"/{service.full_name}/{method.name}" for method in service.methods]


OUR_METHODS = tuple(name for service in SERVICES for name in _names(service))
"""Full names of the methods of ``ecgsvc.v1``."""

ALL_METHODS = (*OUR_METHODS, *(name for service in _STANDARD for name in _names(service)))
