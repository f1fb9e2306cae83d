def write(run, path):
    pass
