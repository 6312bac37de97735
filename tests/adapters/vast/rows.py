"""Rows as Vast sends them (reference vast-api, 3.5 and 5.7), to be changed by the tests."""

from __future__ import annotations


def instance_row(number: int = 12345678, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "id": number,
        "machine_id": 178,
        "label": "bellhop/bc2d3f",
        "actual_status": "running",
        "intended_status": "running",
        "cur_state": "running",
        "next_state": "running",
        "status_msg": "success, running fastdotai/fastai-course_latest/ssh",
        "start_date": 1763800000.5,
        "uptime_mins": 12.5,
        "gpu_name": "RTX A5000",
        "gpu_util": 37.0,
        "gpu_temp": 55.0,
        "disk_space": 10.08,
        "inet_up_cost": 0.02,
        "inet_down_cost": 0.01,
        "dph_base": 0.297,
        "storage_cost": 0.49968,
        "ssh_host": "ssh7.vast.ai",
        "ssh_port": 37044,
        "public_ipaddr": "63.135.50.11\n",
        "ports": {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": "29283"}]},
        "jupyter_token": "53fc448d-a-secret-of-the-machine",
        "image_runtype": "ssh ssh_direc ssh_proxy",
    }
    return {**row, **changes}


def offer_row(number: int = 6995713, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "id": number,
        "ask_contract_id": number,
        "machine_id": 13017,
        "host_id": 81269,
        "num_gpus": 1,
        "gpu_name": "RTX 4090",
        "gpu_ram": 24564,
        "gpu_frac": 0.25,
        "compute_cap": 890,
        "cpu_cores_effective": 24.0,
        "cpu_ram": 64392,
        "disk_space": 1607.875,
        "inet_up": 480.2,
        "inet_down": 512.9,
        "inet_up_cost": 0.0027,
        "inet_down_cost": 0.0027,
        "dph_base": 0.2466666667,
        "dph_total": 0.2466759259,
        "storage_cost": 0.0013333333,
        "dlperf": 106.6,
        "reliability2": 0.9974,
        "verification": "verified",
        "rentable": True,
        "is_bid": False,
        "external": None,
        "hosting_type": 0,
        "geolocation": "Guangxi, CN",
        "end_date": 1795392000.0,
    }
    return {**row, **changes}
