"""Offers of the simulated market and how Vast writes them: prices, hardware, network, quality.

Money is integer micro-dollars here and becomes a JSON float only in `row`, which is Vast's form.
Field names, types and units are those of the official CLI 1.9.1 and of Vast's OpenAPI pages.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MICRO = 1_000_000
MONTH_H = 720  # a month of Vast's storage price: 30 days of 24 hours

Row = dict[str, Any]
"""One offer or instance in Vast's JSON."""


@dataclass(frozen=True, slots=True)
class Model:
    """A GPU model; prices are thousandths of a dollar an hour for one GPU."""

    name: str
    vram_mb: int
    compute_cap: int
    tflops: float
    dlperf: float
    bandwidth: float  # GB/s
    watts: int
    cheapest: int
    dearest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Some GPUs of one machine, for rent. Rates are micro-dollars; `gpu_rate` is for all GPUs."""

    id: int
    machine_id: int
    host_id: int
    model: Model
    gpus: int
    machine_gpus: int
    gpu_rate: int  # an hour
    storage_rate: int  # a GB and month
    upload_rate: int  # a GB from the machine
    download_rate: int  # a GB to the machine
    min_bid: int  # an hour
    disk_gb: int
    cpu_name: str
    cpu_cores: int  # of the whole machine
    ram_mb: int  # of the whole machine
    inet_up: float  # Mbit/s
    inet_down: float
    ports: int
    address: str
    region: str
    reliability: float
    verified: bool
    datacenter: bool
    driver: str
    cuda: float
    starts_at: datetime
    ends_at: datetime

    @property
    def share(self) -> float:
        return self.gpus / self.machine_gpus


def dollars(micro: int) -> float:
    """Micro-dollars as the float Vast puts into its JSON."""
    return micro / MICRO


def storage_per_hour(storage_rate: int, disk_gb: float) -> float:
    """Dollars an hour for a disk."""
    return storage_rate * disk_gb / MONTH_H / MICRO


def row(offer: Offer, *, now: datetime, disk_gb: float, bid: bool, rented: bool) -> Row:
    """The offer as a search shows it, its total priced with a disk of `disk_gb`."""
    base = dollars(offer.min_bid if bid else offer.gpu_rate)
    storage = storage_per_hour(offer.storage_rate, disk_gb)
    total = base + storage
    perf = offer.model.dlperf * offer.gpus
    flops = offer.model.tflops * offer.gpus
    left_s = max(0.0, (offer.ends_at - now).total_seconds())
    search = {
        "gpuCostPerHour": base,
        "diskHour": storage,
        "totalHour": total,
        "discountTotalHour": 0.0,
        "discountedTotalPerHour": total,
    }
    return {
        **hardware(offer),
        "id": offer.id,
        "ask_contract_id": offer.id,
        "bundle_id": offer.machine_id * 100 + offer.gpus,
        "bundled_results": None,
        "dph_base": base,
        "dph_total": total,
        "storage_total_cost": storage,
        "min_bid": dollars(offer.min_bid),
        "discount_rate": 0.0,
        "discounted_hourly": 0.0,
        "discounted_dph_total": total,
        "credit_discount_max": 0.4,
        "vram_costperhour": base / (offer.model.vram_mb * offer.gpus),
        "platform_fee": 0.0,
        "dlperf_per_dphtotal": perf / total,
        "flops_per_dphtotal": flops / total,
        "score": round(perf / total * offer.reliability, 3),
        "disk_space": float(offer.disk_gb),
        "direct_port_count": offer.ports,
        "duration": left_s,
        "start_date": offer.starts_at.timestamp(),
        "end_date": offer.ends_at.timestamp(),
        "rentable": not rented,
        "rented": rented,
        "is_bid": bid,
        "rn": 1,
        "search": search,
        "instance": {**search, "gpuCostPerHour": 0.0, "totalHour": storage},
    }


def hardware(offer: Offer) -> Row:
    """What an offer and an instance made from it have in common."""
    model = offer.model
    return {
        "machine_id": offer.machine_id,
        "host_id": offer.host_id,
        "hosting_type": int(offer.datacenter),
        "verification": "verified" if offer.verified else "unverified",
        "vericode": int(offer.verified),
        "external": None,
        "resource_type": "gpu",
        "hostname": None,
        "webpage": None,
        "logo": "/static/logos/vastai_small2.png",
        "cluster_id": None,
        "gpu_name": model.name,
        "num_gpus": offer.gpus,
        "gpu_ids": list(range(offer.gpus)),
        "gpu_ram": model.vram_mb,
        "gpu_total_ram": model.vram_mb * offer.gpus,
        "gpu_frac": offer.share,
        "gpu_mem_bw": model.bandwidth,
        "gpu_lanes": 16,
        "gpu_arch": "nvidia",
        "gpu_max_power": float(model.watts),
        "gpu_max_temp": 90.0,
        "gpu_display_active": False,
        "bw_nvlink": 0.0,
        "pci_gen": 4.0,
        "pcie_bw": 24.1,
        "compute_cap": model.compute_cap,
        "cuda_max_good": offer.cuda,
        "driver_version": offer.driver,
        "driver_vers": driver_number(offer.driver),
        "total_flops": model.tflops * offer.gpus,
        "dlperf": model.dlperf * offer.gpus,
        "cpu_name": offer.cpu_name,
        "cpu_cores": offer.cpu_cores,
        "cpu_cores_effective": offer.cpu_cores * offer.share,
        "cpu_ghz": 2.9,
        "cpu_ram": offer.ram_mb,
        "cpu_arch": "amd64",
        "has_avx": 1,
        "mobo_name": "ROMED8-2T",
        "os_version": "22.04",
        "disk_bw": 2100.0,
        "disk_name": "nvme",
        "inet_up": offer.inet_up,
        "inet_down": offer.inet_down,
        "inet_up_cost": dollars(offer.upload_rate),
        "inet_down_cost": dollars(offer.download_rate),
        "internet_up_cost_per_tb": dollars(offer.upload_rate * 1000),
        "internet_down_cost_per_tb": dollars(offer.download_rate * 1000),
        "storage_cost": dollars(offer.storage_rate),
        "static_ip": True,
        "public_ipaddr": offer.address,
        "geolocation": offer.region,
        "geolocode": zlib.crc32(offer.region.encode()),
        "reliability": offer.reliability,
        "reliability2": offer.reliability,
        "expected_reliability": offer.reliability,
        "reliability_mult": 1.0,
        "vms_enabled": False,
        "is_vm_deverified": False,
        "avail_vol_ask_id": None,
        "avail_vol_dph": None,
        "avail_vol_size": None,
        "nw_disk_min_bw": None,
        "nw_disk_max_bw": None,
        "nw_disk_avg_bw": None,
        "time_remaining": "",
    }


def driver_number(version: str) -> int:
    """`550.54.15` as Vast compares it: 550054015."""
    return int("".join(part.zfill(3) for part in version.split(".")))
