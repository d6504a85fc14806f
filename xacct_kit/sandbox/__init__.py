"""An AWS Organization on loopback that refuses what AWS refuses.

moto keeps the state; a gate in front of it authenticates and authorises every request with the kit's own
decision engine; CloudFormation is the sandbox's own.
"""
