"""The long forms of the robustness tests: kills, hostile packets, damaged files, hours of load."""
