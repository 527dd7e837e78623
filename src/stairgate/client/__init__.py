"""
The SDK: ask Stairgate, react to its three answers, carry a step-up through.

Operations are written once, as generators that yield requests (`exchange`); `Stairgate` and `AsyncStairgate` drive
them. It knows the service by its wire alone and imports nothing of it.
"""
