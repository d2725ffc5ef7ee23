"""The checks on the data: a contract that refuses, a suite of expectations that judges and documents."""
