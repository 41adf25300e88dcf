"""Environment variables of processes that others have started, of which this is not one."""

SLURM = {
    "SLURM_JOB_ID": "7",
    "SLURM_JOB_NAME": "train",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
    "SLURM_NODELIST": "localhost",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "0",
}
TORCHRUN = {
    "GROUP_RANK": "1",
    "LOCAL_RANK": "3",
    "MASTER_ADDR": "192.0.2.1",  # where nobody answers
    "MASTER_PORT": "1",
    "RANK": "3",
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
    "WORLD_SIZE": "8",
}
