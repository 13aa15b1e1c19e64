"""A DERP map with a public region and one of the operator."""

from __future__ import annotations

MAP = {
    "Regions": {
        "1": {
            "RegionID": 1,
            "RegionCode": "nyc",
            "RegionName": "New York City",
            "Nodes": [{"Name": "1a", "RegionID": 1, "HostName": "derp1.example.net"}],
        },
        "900": {
            "RegionID": 900,
            "RegionCode": "own",
            "Nodes": [
                {"Name": "900a", "HostName": "a.example.net", "DERPPort": 8443, "STUNPort": 3479},
                {"Name": "900b", "HostName": "b.example.net", "STUNPort": -1},
                {"Name": "900c", "HostName": "c.example.net", "STUNOnly": True},
            ],
        },
    }
}
